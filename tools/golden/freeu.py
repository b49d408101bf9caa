#!/usr/bin/env python3
"""UNet outputs under FreeU: tests/golden/components/freeu.safetensors, for the inputs of components/unet beside it.
Needs torch and diffusers."""
import os
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/golden")
torch.set_num_threads(1)

out = {}
for name in sorted(os.listdir(os.path.join(GOLDEN, "components/unet"))):
    model = name.split(".")[0]
    if model not in ("sd15", "sdxl"):
        continue
    unet = UNet2DConditionModel.from_pretrained(os.path.join(GOLDEN, "models", model, "unet"), torch_dtype=torch.float32).eval()
    unet.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)
    given = load_file(os.path.join(GOLDEN, "components/unet", name))
    added = {key: given[key] for key in ("text_embeds", "time_ids") if key in given}
    with torch.no_grad():
        result = unet(given["sample"], given["timestep"], given["encoder_hidden_states"], added_cond_kwargs=added).sample
    print(name, "changes the output by", float((result - given["out"]).abs().max()))
    out[name] = result.contiguous()
save_file(out, os.path.join(GOLDEN, "components/freeu.safetensors"))
