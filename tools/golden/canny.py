#!/usr/bin/env python3
"""Edges as OpenCV's Canny finds them: tests/golden/image/canny.bin and canny.json. Needs numpy and opencv-python-headless."""
import json, os, sys
import cv2
import numpy as np

OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../../tests/golden/image")


def picture(width, height, channels, seed):
    """Discs and stripes of random colours, a ramp and a little noise: edges of every direction and strength."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    out = np.repeat((x * 255 / width)[..., None], channels, axis=2)
    for _ in range(6):
        colour = random.integers(0, 256, channels)
        cx, cy, r = random.uniform(0, width), random.uniform(0, height), random.uniform(3, 3 + 0.3 * max(width, height))
        out[(x - cx) ** 2 + (y - cy) ** 2 < r * r] = colour
        angle = random.uniform(0, np.pi)
        out[np.abs((x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)) < 1.5] = random.integers(0, 256, channels)
    out += random.normal(0, 8, out.shape)
    return np.clip(out, 0, 255).astype(np.uint8)


cases, data = [], bytearray()
for width, height, channels, low, high in [(64, 48, 3, 100, 200), (48, 64, 1, 100, 200), (33, 17, 3, 50, 100), (40, 40, 3, 200, 100 * 6), (1, 9, 3, 100, 200), (2, 1, 1, 1, 2)]:
    image = picture(width, height, channels, width * height)
    edges = cv2.Canny(image if channels == 3 else image[..., 0], low, high)
    cases.append({"size": [width, height], "channels": channels, "low": low, "high": high, "input": len(data), "expected": len(data) + image.size,
                  "edges": int((edges > 0).sum())})
    data += image.tobytes() + edges.tobytes()
with open(os.path.join(OUT, "canny.bin"), "wb") as file:
    file.write(data)
with open(os.path.join(OUT, "canny.json"), "w") as file:
    json.dump({"opencv": cv2.__version__, "cases": cases}, file, indent=1)
    file.write("\n")
