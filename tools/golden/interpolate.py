# Latents of other sizes as torch.nn.functional.interpolate gives them: tests/golden/sampling/interpolate.json
import json, sys
import torch

MODES = {"nearest": [False], "nearest-exact": [False], "bilinear": [False, True], "bicubic": [False, True]}
generator = torch.Generator().manual_seed(5)
x = torch.randn(1, 2, 5, 6, generator=generator)
cases = []
for height, width in [(8, 9), (10, 12), (3, 4), (5, 13)]:
    for mode, antialiases in MODES.items():
        for antialias in antialiases:
            out = torch.nn.functional.interpolate(x, size=(height, width), mode=mode, antialias=antialias)
            cases.append({"mode": mode, "antialias": antialias, "height": height, "width": width,
                          "out": [round(v, 6) for v in out.flatten().tolist()]})
json.dump({"input": [round(v, 7) for v in x.flatten().tolist()], "cases": cases}, open(sys.argv[1], "w"))
