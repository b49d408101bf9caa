#!/usr/bin/env python3
"""Toy T2I-Adapters and IP-Adapters in their published layouts, and what diffusers makes of them: tests/golden/image_adapters
(its README.md says what lies there). Needs torch, diffusers, transformers."""
import json, os, shutil, sys, warnings
os.environ.setdefault("TQDM_DISABLE", "1")
warnings.filterwarnings("ignore")
import diffusers
import numpy as np
import torch
import transformers
from diffusers import (ControlNetModel, DDIMScheduler, MultiAdapter, StableDiffusionAdapterPipeline, StableDiffusionPipeline, StableDiffusionXLAdapterPipeline,
                       StableDiffusionXLPipeline, T2IAdapter, UNet2DConditionModel)
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/golden")
OUT = os.path.join(GOLDEN, "image_adapters")
torch.set_num_threads(1)
diffusers.utils.logging.set_verbosity_error()
transformers.utils.logging.set_verbosity_error()


# ---------------------------------------------------------------------------------------------- networks with random weights
def randomise(module, seed, gain):
    """Matrices and kernels scaled by their inputs, so that every layer keeps the size of its signal; f16 values."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in sorted(module.named_parameters()):
        x = torch.randn(p.shape, generator=generator)
        if p.dim() == 1:
            x = 1 + 0.1 * x if "norm" in name and name.endswith("weight") else 0.1 * x
        elif "embedding" not in name and "latents" not in name:
            x *= gain / (p[0].numel() ** 0.5)
        p.data = x.half().float()
    return module


def t2i_adapters():
    kinds = {"t2i-sd15": dict(in_channels=3, channels=[32, 32, 64], num_res_blocks=2, downscale_factor=8, adapter_type="full_adapter"),
             "t2i-sd15-tiny-light": dict(in_channels=3, channels=[32], num_res_blocks=2, downscale_factor=8, adapter_type="light_adapter"),
             "t2i-sdxl": dict(in_channels=1, channels=[32, 32, 64, 64], num_res_blocks=1, downscale_factor=16, adapter_type="full_adapter_xl")}
    for seed, (name, config) in enumerate(kinds.items()):
        adapter = randomise(T2IAdapter(**config), 100 + seed, 0.6 if "light" not in name else 1.2)
        adapter.half().save_pretrained(f"{OUT}/{name}")


def image_encoder():
    config = CLIPVisionConfig(hidden_size=32, intermediate_size=64, projection_dim=24, num_hidden_layers=3, num_attention_heads=4, image_size=48,
                              patch_size=8, hidden_act="gelu")
    model = randomise(CLIPVisionModelWithProjection(config), 200, 1.5)
    model.half().save_pretrained(f"{OUT}/image_encoder")
    path = f"{OUT}/image_encoder/model.safetensors"
    weights = load_file(path)
    # As published files have it: the embeddings' norm is misspelt, and the numbers 0..36 are stored.
    weights["vision_model.embeddings.position_ids"] = torch.arange(37)[None]
    assert "vision_model.pre_layrnorm.weight" in weights, sorted(weights)
    save_file(weights, path, metadata={"format": "pt"})


def matrix(generator, out, inputs, gain=1.0):
    return (gain * torch.randn(out, inputs, generator=generator) / inputs ** 0.5).half()


def norm(generator, prefix, width):
    return {prefix + "weight": (1 + 0.1 * torch.randn(width, generator=generator)).half(), prefix + "bias": (0.1 * torch.randn(width, generator=generator)).half()}


def projection(kind, width, seed):
    """The state dict "image_proj" of IP-Adapter's four published kinds; the encoder's width is 32, 24 behind its projection."""
    g = torch.Generator().manual_seed(seed)
    if kind == "plain":
        return {"proj.weight": matrix(g, 4 * width, 24), "proj.bias": (0.1 * torch.randn(4 * width, generator=g)).half(), **norm(g, "norm.", width)}
    if kind == "full":
        return {"proj.0.weight": matrix(g, 32, 32), "proj.0.bias": (0.1 * torch.randn(32, generator=g)).half(), "proj.2.weight": matrix(g, width, 32),
                "proj.2.bias": (0.1 * torch.randn(width, generator=g)).half(), **norm(g, "proj.3.", width)}
    hidden, inner, tokens = 16, 128, 5
    out = {"latents": (torch.randn(1, tokens, hidden, generator=g)).half(), "proj_in.weight": matrix(g, hidden, 32),
           "proj_in.bias": (0.1 * torch.randn(hidden, generator=g)).half(), "proj_out.weight": matrix(g, width, hidden),
           "proj_out.bias": (0.1 * torch.randn(width, generator=g)).half(), **norm(g, "norm_out.", width)}
    for i in range(4):
        at = f"layers.{i}."
        out.update({**norm(g, at + "0.norm1.", hidden), **norm(g, at + "0.norm2.", hidden), at + "0.to_q.weight": matrix(g, inner, hidden),
                    at + "0.to_kv.weight": matrix(g, 2 * inner, hidden), at + "0.to_out.weight": matrix(g, hidden, inner), **norm(g, at + "1.0.", hidden),
                    at + "1.1.weight": matrix(g, 4 * hidden, hidden), at + "1.3.weight": matrix(g, hidden, 4 * hidden)})
    return out


def cross_attentions(model, seed):
    """The state dict "ip_adapter": keys and values of every cross attention, odd numbers in the order of unet.attn_processors."""
    g = torch.Generator().manual_seed(seed)
    unet = UNet2DConditionModel.from_pretrained(f"{GOLDEN}/models/{model}/unet")
    out, number = {}, 1
    for name in unet.attn_processors:
        if "attn2" not in name:
            continue
        to_k = unet.get_submodule(name.removesuffix(".processor")).to_k
        for kind in ("k", "v"):
            out[f"{number}.to_{kind}_ip.weight"] = matrix(g, to_k.out_features, to_k.in_features, 1.5)
        number += 2
    return out


IP = {"ip-sd15.safetensors": ("plain", "sd15", 32), "ip-sd15-plus.bin": ("plus", "sd15", 32), "ip-sd15-full.safetensors": ("full", "sd15", 32),
      "ip-sdxl-plus.safetensors": ("plus", "sdxl", 96)}


def ip_adapters():
    for seed, (name, (kind, model, width)) in enumerate(IP.items()):
        parts = {"image_proj": projection(kind, width, 300 + seed), "ip_adapter": cross_attentions(model, 400 + seed)}
        if name.endswith(".bin"):
            torch.save(parts, f"{OUT}/{name}")
        else:
            save_file({f"{part}.{key}": value.contiguous() for part, tensors in parts.items() for key, value in tensors.items()}, f"{OUT}/{name}")


# ---------------------------------------------------------------------------------------------- cases
COMMON = dict(guidance=7.5, seed=42, sampler="ddim", steps=8, width=64, height=64)
CASES = [
    dict(COMMON, name="t2i-sd15", model="sd15", prompt="a bird on a branch", control=[dict(model="t2i-sd15", hint=6, scale=1.0)]),
    dict(COMMON, name="t2i-sd15-two", model="sd15", prompt="a bird on a branch", negative="sky", width=96,
         control=[dict(model="t2i-sd15", hint=6, scale=0.8), dict(model="t2i-sd15", hint=7, scale=0.5)]),
    dict(COMMON, name="t2i-sd15-tiny-light", model="sd15-tiny", prompt="a bird on a branch", control=[dict(model="t2i-sd15-tiny-light", hint=6, scale=0.9)]),
    dict(COMMON, name="t2i-sdxl", model="sdxl", prompt="a bird on a branch", negative="sky", width=96, guidance=6.0,
         control=[dict(model="t2i-sdxl", hint=6, scale=0.8, end=0.625)]),
    dict(COMMON, name="ip-sd15", model="sd15", prompt="a bird on a branch", negative="sky", ip=[dict(adapter="ip-sd15.safetensors", picture=8, scale=0.7)]),
    dict(COMMON, name="ip-sd15-plus", model="sd15", prompt="a bird on a branch", width=96, ip=[dict(adapter="ip-sd15-plus.bin", picture=9, scale=1.0)]),
    dict(COMMON, name="ip-sd15-window", model="sd15", prompt="a bird on a branch", ip=[dict(adapter="ip-sd15-plus.bin", picture=9, scale=1.0, start=0.25, end=0.75)]),
    dict(COMMON, name="ip-sd15-two", model="sd15", prompt="a bird on a branch",
         ip=[dict(adapter="ip-sd15.safetensors", picture=8, scale=0.6), dict(adapter="ip-sd15-plus.bin", picture=9, scale=0.5)]),
    dict(COMMON, name="ip-sd15-no-guidance", model="sd15", prompt="a bird on a branch", guidance=1.0, ip=[dict(adapter="ip-sd15-full.safetensors", picture=8, scale=0.9)]),
    dict(COMMON, name="ip-sdxl-plus", model="sdxl", prompt="a bird on a branch", negative="sky", guidance=6.0,
         ip=[dict(adapter="ip-sdxl-plus.safetensors", picture=9, scale=0.8)]),
]


def picture(seed, width, height):
    """A coloured gradient with a few flat discs and rectangles."""
    r = np.random.RandomState(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    img = np.stack([127 + 100 * np.sin(x * r.uniform(.02, .09) + y * r.uniform(.02, .09) + r.uniform(0, 6)) for _ in range(3)], -1)
    for _ in range(3):
        cx, cy, radius, colour = r.uniform(0, width), r.uniform(0, height), r.uniform(6, 18), r.uniform(0, 255, 3)
        img[(x - cx) ** 2 + (y - cy) ** 2 < radius * radius] = colour
    for _ in range(2):
        x0, y0, w, h, colour = r.randint(0, width - 8), r.randint(0, height - 8), r.randint(6, 24), r.randint(6, 24), r.uniform(0, 255, 3)
        img[y0:y0 + h, x0:x0 + w] = colour
    return Image.fromarray(np.clip(img, 0, 255).astype(np.uint8), "RGB")


class DrawF32:
    """torch.randn draws f32 and converts, so that the float64 repetition uses the same noise."""
    def __enter__(self):
        self.real = torch.randn
        torch.randn = lambda *a, dtype=None, **k: self.real(*a, dtype=torch.float32, **k).to(dtype or torch.float32)

    def __exit__(self, *_):
        torch.randn = self.real


def encoder():
    return CLIPVisionModelWithProjection.from_pretrained(f"{OUT}/image_encoder", torch_dtype=torch.float32)


def feature_extractor():
    return CLIPImageProcessorPil(size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48})


def hint_of(unit, c):
    hint = Image.open(f"{OUT}/{c['name']}/hint_{c['control'].index(unit)}.png")
    config = json.load(open(f"{OUT}/{unit['model']}/config.json"))
    return hint.convert("L") if config["in_channels"] == 1 else hint


def run(c, dtype=torch.float32, channels_last=False):
    xl, units, prompts = c["model"] == "sdxl", c.get("control", []), c.get("ip", [])
    extra, call = {}, {}
    if units:
        nets = [T2IAdapter.from_pretrained(f"{OUT}/{u['model']}", torch_dtype=torch.float32) for u in units]
        extra["adapter"] = nets[0] if len(nets) == 1 else MultiAdapter(nets)
        one = lambda values: values[0] if len(units) == 1 else values
        call.update(image=one([hint_of(u, c) for u in units]), adapter_conditioning_scale=one([u["scale"] for u in units]))
        if xl:
            call["adapter_conditioning_factor"] = units[0].get("end", 1.0)
        cls = StableDiffusionXLAdapterPipeline if xl else StableDiffusionAdapterPipeline
    else:
        cls = StableDiffusionXLPipeline if xl else StableDiffusionPipeline
        extra.update(image_encoder=encoder(), feature_extractor=feature_extractor())
    if not xl:
        extra.update(safety_checker=None, requires_safety_checker=False, **({} if prompts else dict(feature_extractor=None)))
    pipe = cls.from_pretrained(f"{GOLDEN}/models/{c['model']}", torch_dtype=torch.float32, **extra)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    if prompts:
        pipe.load_ip_adapter(OUT, subfolder="", weight_name=[p["adapter"] for p in prompts], image_encoder_folder=None, low_cpu_mem_usage=False)
        call["ip_adapter_image"] = [Image.open(f"{OUT}/{c['name']}/prompt_{i}.png") for i in range(len(prompts))]
        active = lambda p, i: p["scale"] if i / c["steps"] >= p.get("start", 0) and (i + 1) / c["steps"] <= p.get("end", 1) else 0.0
        set_scales = lambda i: pipe.set_ip_adapter_scale([active(p, i) for p in prompts])
        set_scales(0)
        call["callback_on_step_end"] = lambda _, i, t, kw: set_scales(i + 1) or {}
    pipe.to(dtype)
    pipe.set_progress_bar_config(disable=True)
    if channels_last:
        pipe.unet.to(memory_format=torch.channels_last)
        pipe.vae.to(memory_format=torch.channels_last)
    if c.get("negative") is not None:
        call["negative_prompt"] = c["negative"]
    with DrawF32():
        latents = pipe(prompt=c["prompt"], width=c["width"], height=c["height"], num_inference_steps=c["steps"], guidance_scale=c["guidance"],
                       generator=torch.Generator().manual_seed(c["seed"]), output_type="latent", **call).images.detach()
        decoded = pipe.vae.decode(latents / pipe.vae.config.scaling_factor, return_dict=False)[0]
    png = pipe.image_processor.postprocess(decoded.detach(), output_type="pil")[0]
    return dict(latents=latents.double(), png=np.asarray(png), pipeline=cls.__name__)


def compare(a, b):
    d = np.abs(a["png"].astype(np.float64) - b["png"])
    mse = float((d ** 2).mean())
    return dict(latent_max=float((a["latents"] - b["latents"]).abs().max()), png_max=int(d.max()), png_mean=round(float(d.mean()), 6),
                psnr=None if mse == 0 else round(10 * np.log10(255 * 255 / mse), 2))


def make_case(c):
    folder = f"{OUT}/{c['name']}"
    os.makedirs(folder, exist_ok=True)
    for i, unit in enumerate(c.get("control", [])):
        picture(unit["hint"], c["width"], c["height"]).save(f"{folder}/hint_{i}.png")
    for i, prompt in enumerate(c.get("ip", [])):
        picture(prompt["picture"], 61 + 30 * i, 80).save(f"{folder}/prompt_{i}.png")  # upright, then wide: its middle is looked at
    result = run(c)
    without = dict(c, control=[dict(u, scale=0.0) for u in c.get("control", [])], ip=[dict(p, scale=0.0) for p in c.get("ip", [])])
    measured = dict(channels_last=compare(result, run(c, channels_last=True)), float64=compare(result, run(c, dtype=torch.float64)))
    worst, latent = max(m["png_max"] for m in measured.values()), max(m["latent_max"] for m in measured.values())
    info = dict(c, pipeline=result["pipeline"], without=compare(result, run(without)), measured=measured, latent_std=round(float(result["latents"].std()), 4),
                limit=dict(png_max=max(3, 2 * worst + 1), png_mean=0.05, psnr_min=60.0, latent_max=float(f"{max(2e-4, 10 * latent):.1e}")),
                versions=dict(diffusers=diffusers.__version__, transformers=transformers.__version__, torch=torch.__version__))
    save_file({"latents": result["latents"].float().contiguous()}, f"{folder}/latents.safetensors")
    Image.fromarray(result["png"]).save(f"{folder}/expected.png")
    json.dump(info, open(f"{folder}/case.json", "w"), indent=1)
    print(c["name"], info["latent_std"], "without:", info["without"], "measured:", measured, info["limit"], flush=True)


# ---------------------------------------------------------------------------------------------- intermediate values
@torch.no_grad()
def features():
    out = {}
    for name, width, height in (("t2i-sd15", 64, 64), ("t2i-sd15-tiny-light", 96, 72), ("t2i-sdxl", 96, 80)):
        adapter = T2IAdapter.from_pretrained(f"{OUT}/{name}", torch_dtype=torch.float32)
        hint = np.asarray(picture(6, width, height).convert("L" if adapter.config.in_channels == 1 else "RGB"), dtype=np.float32) / 255
        x = torch.from_numpy(hint.reshape(height, width, -1).transpose(2, 0, 1).copy())[None]
        out[f"{name}/hint"] = x
        for i, feature in enumerate(adapter(x)):
            out[f"{name}/feature.{i}"] = feature.contiguous()
            print(name, i, list(feature.shape), "std", float(feature.std()))
    save_file(out, f"{OUT}/features.safetensors")


@torch.no_grad()
def tokens():
    image = picture(8, 61, 80)
    image.save(f"{OUT}/picture.png")
    pixels = feature_extractor()(image, return_tensors="pt").pixel_values
    model = encoder().eval()
    seen, blank = model(pixels, output_hidden_states=True), model(torch.zeros_like(pixels), output_hidden_states=True)
    out = {"pixel_values": pixels, "image_embeds": seen.image_embeds, **{f"hidden_states.{i}": h for i, h in enumerate(seen.hidden_states)}}
    pipe = StableDiffusionPipeline.from_pretrained(f"{GOLDEN}/models/sd15", safety_checker=None, feature_extractor=None, torch_dtype=torch.float32)
    for name in IP:
        if "sdxl" in name:
            continue
        pipe.load_ip_adapter(OUT, subfolder="", weight_name=name, image_encoder_folder=None, low_cpu_mem_usage=False)
        layer = pipe.unet.encoder_hid_proj.image_projection_layers[0]
        plain = IP[name][0] == "plain"
        for row, of in (("positive", seen), ("negative", blank)):
            inputs = of.image_embeds if plain else of.hidden_states[-2]
            out[f"{name}/{row}"] = layer(torch.zeros_like(inputs) if plain and row == "negative" else inputs)
        pipe.unload_ip_adapter()
    for key, value in out.items():
        print(key, list(value.shape), "std", float(value.std()))
    save_file({k: v.contiguous() for k, v in out.items()}, f"{OUT}/tokens.safetensors")


@torch.no_grad()
def both():
    """One call of the UNet with a T2I-Adapter and a ControlNet."""
    g = torch.Generator().manual_seed(5)
    unet = UNet2DConditionModel.from_pretrained(f"{GOLDEN}/models/sd15/unet", torch_dtype=torch.float32)
    net = ControlNetModel.from_pretrained(f"{GOLDEN}/models/controlnet-sd15", torch_dtype=torch.float32)
    adapter = T2IAdapter.from_pretrained(f"{OUT}/t2i-sd15", torch_dtype=torch.float32)
    sample, context = torch.randn(2, 4, 8, 8, generator=g), torch.randn(2, 77, 32, generator=g)
    hint = torch.rand(1, 3, 64, 64, generator=g)
    down, mid = net(sample, 500, context, hint.repeat(2, 1, 1, 1), conditioning_scale=0.7, return_dict=False)
    levels = [0.8 * f.repeat(2, 1, 1, 1) for f in adapter(hint)]
    result = unet(sample, 500, context, down_block_additional_residuals=down, mid_block_additional_residual=mid, down_intrablock_additional_residuals=levels).sample
    save_file(dict(sample=sample, encoder_hidden_states=context, hint=hint, out=result), f"{OUT}/both.safetensors")


def main():
    only = sys.argv[1:]
    if not only:
        for name in os.listdir(OUT):
            if name != "README.md":
                path = f"{OUT}/{name}"
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        t2i_adapters(), image_encoder(), ip_adapters(), features(), tokens(), both()
    for c in CASES:
        if not only or c["name"] in only:
            make_case(c)


main()
