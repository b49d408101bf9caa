"""A tiny autoencoder of toy width with random weights in both namings, and what diffusers computes with it.

usage: python taesd.py tests/golden/taesd
"""
import pathlib
import sys

import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.set_grad_enabled(False)
out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(5)
width = (8, 8, 8, 8)
model = AutoencoderTiny(encoder_block_out_channels=width, decoder_block_out_channels=width, num_encoder_blocks=(1, 2, 2, 2), num_decoder_blocks=(2, 2, 2, 1)).eval()
for parameter in model.parameters():
    parameter.copy_(torch.randn_like(parameter) * (1.2 / max(1, parameter[0].numel()) ** 0.5))
weights = {name: value.contiguous() for name, value in model.state_dict().items()}
(out / "folder").mkdir(exist_ok=True)
save_file(weights, out / "folder" / "diffusion_pytorch_model.safetensors")
model.save_config(out / "folder")
# The original files: one a half, numbered; the decoder's first layer is an activation.
for half, first in (("encoder", 0), ("decoder", 1)):
    prefix = f"{half}.layers."
    own = {}
    for name, value in weights.items():
        if name.startswith(prefix):
            number, rest = name[len(prefix):].split(".", 1)
            own[f"{int(number) + first}.{rest}"] = value
    save_file(own, out / f"toy_{half}.safetensors")

image = torch.rand(1, 3, 24, 32) * 2 - 1
latents = torch.randn(1, 4, 3, 4) * 2
save_file({"image": image, "encoded": model.encode(image).latents, "latents": latents, "decoded": model.decode(latents).sample}, out / "values.safetensors")
