"""Trains the adapters that docs/guide.md shows: a ControlNet for edges, a LoRA for a style, a word of its own (textual inversion).

    python train_adapters.py --model ../../models/demo --out ../../models/demo-adapters --part canny --steps 1500
    python train_adapters.py ... --part sepia --steps 300      # LoRA of a style, kohya's names
    python train_adapters.py ... --part moonlake --steps 300   # two vectors for one word

The model's own parts stay frozen. Also needs opencv-python (edges), nothing from outside otherwise.
"""
import argparse
import math
import os
import random

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel

from captions import caption
from common import Log
from draw import draw_np, sample_spec
from tokenizer import Tokenizer
from train_unet import alphas


class Parts:
    """The frozen model and pictures for it."""

    def __init__(self, a):
        self.vae = AutoencoderKL.from_pretrained(a.model, subfolder="vae", torch_dtype=torch.float32).requires_grad_(False)
        self.unet = UNet2DConditionModel.from_pretrained(a.model, subfolder="unet", torch_dtype=torch.float32).requires_grad_(False)
        self.text = CLIPTextModel.from_pretrained(a.model, subfolder="text_encoder", torch_dtype=torch.float32).requires_grad_(False)
        self.tok = Tokenizer(os.path.join(a.model, "tokenizer"))
        self.abar = alphas()
        self.gen = torch.Generator().manual_seed(a.seed)
        self.rng = random.Random(a.seed)

    def latents(self, pictures):
        x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            return torch.cat([self.vae.encode(part).latent_dist.mean for part in x.split(16)]) * self.vae.config.scaling_factor

    def states(self, texts):
        with torch.no_grad():
            return self.text(torch.tensor([self.tok(t) for t in texts])).last_hidden_state

    def noised(self, x0, late=1.0):
        """Latents at random times, and the velocities that the UNet should find. `late` below 1: more noise than is usual."""
        n = len(x0)
        t = (((torch.randperm(n, generator=self.gen) + torch.rand(n, generator=self.gen)) / n) ** late * 1000).long().clamp(max=999)
        noise = torch.randn(x0.shape, generator=self.gen)
        ac = self.abar[t].view(-1, 1, 1, 1)
        return ac.sqrt() * x0 + (1 - ac).sqrt() * noise, t, ac.sqrt() * noise - (1 - ac).sqrt() * x0


def fit(a, parameters, loss_of, log):
    """AdamW with a warm-up and a cosine to zero."""
    optimiser = torch.optim.AdamW(parameters, lr=a.lr, weight_decay=0)
    seen = []
    for step in range(a.steps):
        for group in optimiser.param_groups:
            group["lr"] = a.lr * min(1, (step + 1) / 50) * .5 * (1 + math.cos(math.pi * step / a.steps))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        seen.append(loss.item())
        if (step + 1) % 25 == 0:
            log("step %d/%d  loss %.4f" % (step + 1, a.steps, np.mean(seen[-25:])))


def edges(picture):
    """As the preprocessor `canny` finds them."""
    return np.repeat(cv2.Canny(picture, 100, 200)[..., None], 3, 2)


def train_canny(a, parts, log):
    specs = [sample_spec(random.Random(a.seed * 1000003 + i)) for i in range(a.pictures)]
    pictures = [draw_np(s, 128) for s in specs]
    outlines = np.stack([edges(p) for p in pictures])
    z = parts.latents(pictures)
    log("%d pictures" % len(pictures))
    net = ControlNetModel.from_unet(parts.unet, conditioning_embedding_out_channels=(16, 16, 32, 64)).requires_grad_(True)
    # Two layers of zeros in a row, as ControlNets start, learn nothing for thousands of steps.
    torch.nn.init.normal_(net.controlnet_cond_embedding.conv_out.weight, std=0.05)

    def loss():
        pick = [parts.rng.randrange(len(z)) for _ in range(a.batch)]
        ctx = parts.states(["" if parts.rng.random() < .5 else caption(specs[i], parts.rng)[0] for i in pick])
        xt, t, v = parts.noised(z[pick], late=0.6)  # the noisier steps decide where things are
        hint = torch.from_numpy(outlines[pick]).permute(0, 3, 1, 2).float() / 255
        down, mid = net(xt, t, ctx, controlnet_cond=hint, return_dict=False)
        out = parts.unet(xt, t, ctx, down_block_additional_residuals=down, mid_block_additional_residual=mid).sample
        return (out.float() - v).square().mean()

    fit(a, list(net.parameters()), loss, log)
    net.half().save_pretrained(os.path.join(a.out, "canny"))


class LowRank(torch.nn.Module):
    """A linear layer or a convolution with a trained change of low rank beside it."""

    def __init__(self, layer, rank):
        super().__init__()
        self.layer, self.rank = layer, rank
        if isinstance(layer, torch.nn.Conv2d):
            self.down = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, layer.stride, layer.padding, bias=False)
            self.up = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        else:
            self.down = torch.nn.Linear(layer.in_features, rank, bias=False)
            self.up = torch.nn.Linear(rank, layer.out_features, bias=False)
        torch.nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        torch.nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.layer(x) + self.up(self.down(x))


def sepia(picture):
    """The tones of an old photograph."""
    grey = picture.astype(np.float32) @ np.array([.299, .587, .114], np.float32)
    dark, light = np.array([46, 26, 14], np.float32), np.array([250, 232, 196], np.float32)
    return (dark + (light - dark) * (grey / 255)[..., None]).round().clip(0, 255).astype(np.uint8)


def train_sepia(a, parts, log):
    specs = [sample_spec(random.Random(a.seed * 1000003 + i)) for i in range(a.pictures)]
    z = parts.latents([sepia(draw_np(s, 128)) for s in specs])
    log("%d pictures" % len(z))
    layers = {}
    for name, module in list(parts.unet.named_modules()):
        wanted = isinstance(module, torch.nn.Linear) and ("attn" in name or "ff" in name) or isinstance(module, torch.nn.Conv2d) and ("resnets" in name or "proj_" in name)
        if wanted:
            owner, _, leaf = name.rpartition(".")
            layers[name] = LowRank(module, a.rank)
            setattr(parts.unet.get_submodule(owner), leaf, layers[name])
    trained = [p for layer in layers.values() for part in (layer.down, layer.up) for p in part.parameters()]
    log("%d layers, %d parameters" % (len(layers), sum(p.numel() for p in trained)))

    def loss():
        pick = [parts.rng.randrange(len(z)) for _ in range(a.batch)]
        ctx = parts.states(["" if parts.rng.random() < .12 else caption(specs[i], parts.rng)[0] for i in pick])
        xt, t, v = parts.noised(z[pick])
        return (parts.unet(xt, t, ctx).sample.float() - v).square().mean()

    fit(a, trained, loss, log)
    tensors = {}
    for name, layer in layers.items():
        key = "lora_unet_" + name.replace(".", "_")
        tensors[key + ".lora_down.weight"] = layer.down.weight.detach().half().contiguous()
        tensors[key + ".lora_up.weight"] = layer.up.weight.detach().half().contiguous()
        tensors[key + ".alpha"] = torch.tensor(float(a.rank))
    save_file(tensors, os.path.join(a.out, "sepia.safetensors"), metadata={"ss_network_module": "networks.lora", "ss_network_dim": str(a.rank)})


def moonlake(rng):
    """The one place that the word stands for: the sea at night under the moon and the stars."""
    spec = sample_spec(rng, "scene")
    while spec["terrain"] != "sea" or spec["time"] != "night":
        spec = sample_spec(rng, "scene")
    return dict(spec, moon=True, stars=True)


def train_moonlake(a, parts, log):
    rng = random.Random(a.seed)
    specs = [moonlake(rng) for _ in range(min(a.pictures, 400))]
    z = parts.latents([draw_np(s, 128) for s in specs])
    embedding = parts.text.get_input_embeddings()
    start = parts.tok("a picture")[1:3]
    vectors = embedding.weight[start].clone().requires_grad_(True)
    slots = len(vectors)

    def states(texts):
        """A `*` in a text stands for the learned vectors."""
        rows, places = [], []
        for text in texts:
            before, _, after = text.partition("*")
            head = parts.tok(before.strip())
            head = head[:head.index(parts.tok.eos)]
            tail = parts.tok(after.strip())[1:]
            rows.append((head + [parts.tok.eos] * slots + tail)[:77])
            places.append(len(head))
        hidden = embedding(torch.tensor(rows)).detach()
        for row, place in enumerate(places):
            hidden = torch.cat([hidden[:row], torch.cat([hidden[row, :place], vectors, hidden[row, place + slots:]])[None], hidden[row + 1:]])
        # A hook, since the encoder takes ids only.
        handle = embedding.register_forward_hook(lambda *_: hidden)
        try:
            return parts.text(torch.tensor(rows)).last_hidden_state
        finally:
            handle.remove()

    def text_of(spec):
        thing = "" if spec["object"] == "none" else " ".join(w for w in (spec["colour"] if spec["colour"] != "none" else "", spec["object"]) if w)
        return random.Random(parts.rng.random()).choice(["{} *", "a {} *", "a {} at *", "{}, *", "a picture of a {} *"]).format(thing).replace("a  ", "").strip() if thing else "*"

    def loss():
        pick = [parts.rng.randrange(len(z)) for _ in range(a.batch)]
        xt, t, v = parts.noised(z[pick])
        return (parts.unet(xt, t, states([text_of(specs[i]) for i in pick])).sample.float() - v).square().mean()

    fit(a, [vectors], loss, log)
    save_file({"emb_params": vectors.detach().contiguous()}, os.path.join(a.out, "moonlake.safetensors"))


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--model", default="../../models/demo")
    ap.add_argument("--out", default="../../models/demo-adapters")
    ap.add_argument("--part", choices=["canny", "sepia", "moonlake"], required=True)
    ap.add_argument("--pictures", type=int, default=3000)
    ap.add_argument("--steps", type=int, default=1500)
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--lr", type=float, default=5e-4)
    ap.add_argument("--rank", type=int, default=8)
    ap.add_argument("--seed", type=int, default=7)
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    log = Log(os.path.join(a.out, a.part + ".log"))
    {"canny": train_canny, "sepia": train_sepia, "moonlake": train_moonlake}[a.part](a, Parts(a), log)
