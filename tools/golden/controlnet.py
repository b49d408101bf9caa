#!/usr/bin/env python3
"""The picture of the toy ControlNet in guess mode: tests/golden/pipelines/controlnet-sd15-guess, out of the case
controlnet-sd15 beside it. Needs torch and diffusers."""
import json, os, shutil
import numpy as np
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline
from PIL import Image
from safetensors.torch import save_file

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/golden")
torch.set_num_threads(1)

source, out = (os.path.join(GOLDEN, "pipelines", name) for name in ("controlnet-sd15", "controlnet-sd15-guess"))
case = json.load(open(os.path.join(source, "case.json")))
os.makedirs(out, exist_ok=True)
shutil.copyfile(os.path.join(source, "hint_0.png"), os.path.join(out, "hint_0.png"))
models = os.path.join(GOLDEN, "models")
net = ControlNetModel.from_pretrained(os.path.join(models, "controlnet-sd15"), torch_dtype=torch.float32)
pipe = StableDiffusionControlNetPipeline.from_pretrained(os.path.join(models, case["model"]), controlnet=net, safety_checker=None, feature_extractor=None,
                                                         torch_dtype=torch.float32)
pipe.set_progress_bar_config(disable=True)
arguments = dict(prompt=case["prompt"], image=Image.open(os.path.join(out, "hint_0.png")), width=case["width"], height=case["height"],
                 num_inference_steps=case["steps"], guidance_scale=case["guidance"], controlnet_conditioning_scale=1.0, guess_mode=True)
draw = lambda kind: pipe(**arguments, generator=torch.Generator().manual_seed(case["seed"]), output_type=kind).images
save_file({"latents": draw("latent").contiguous()}, os.path.join(out, "latents.safetensors"))
draw("pil")[0].save(os.path.join(out, "expected.png"))
case["name"] = "controlnet-sd15-guess"
case["control"][0]["guess"] = True
case["cli"].insert(-2, "--control-guess")
for key in ("measured", "statistics"):
    case.pop(key, None)
with open(os.path.join(out, "case.json"), "w") as file:
    json.dump(case, file, indent=1)
    file.write("\n")
