# Dynamic thresholding (scheduler_config.json: thresholding) as diffusers' schedulers do it: tests/golden/sampling/thresholding.json
# The model and the loop are those of tests/golden/sampling/README.md.
import json, sys
import diffusers, torch


def model(x, t):
    x, t = x.double(), float(t)
    gain = 0.7 + 0.25 * torch.sin(torch.tensor(t / 200, dtype=torch.float64))
    return (x * gain + 0.1 * torch.tanh(2 * x) + 0.15 * torch.cos(3 * x + t / 100)).float()


SCALED = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
CASES = [
    ("DDIMScheduler", {}),
    ("DDPMScheduler", {"clip_sample": False}),
    ("DPMSolverMultistepScheduler", {}),
    ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True}),
    ("DPMSolverSinglestepScheduler", {}),
    ("DEISMultistepScheduler", {}),
    ("UniPCMultistepScheduler", {}),
    ("SASolverScheduler", {}),
    ("LCMScheduler", {}),
]
cases = []
for name, extra in CASES:
    config = {**SCALED, "clip_sample": False, **extra, "thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 1.6}
    scheduler = getattr(diffusers, name)(**{k: v for k, v in config.items() if k in getattr(diffusers, name)().config})
    scheduler.set_timesteps(6)
    generator = torch.Generator().manual_seed(42)
    x = torch.randn(1, 4, 8, 8, generator=generator) * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        out = model(scheduler.scale_model_input(x, t), t)
        takes_generator = name not in ("DPMSolverSinglestepScheduler", "DEISMultistepScheduler", "UniPCMultistepScheduler")
        x = scheduler.step(out, t, x, **({"generator": generator} if takes_generator else {})).prev_sample
    cases.append({"scheduler": name, "config": config, "steps": 6, "final": [round(v, 6) for v in x.flatten().tolist()]})
json.dump({"cases": cases}, open(sys.argv[1], "w"))
