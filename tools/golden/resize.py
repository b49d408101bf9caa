"""Goldens of tests/image/resize_test.cpp: small pictures resized by Pillow, as raw bytes in one file with a JSON index.

Usage: python resize.py OUT_FOLDER   (writes resize.bin and resize.json)
"""
import json
import sys

import PIL
from PIL import Image

FILTERS = {"nearest": Image.NEAREST, "box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
SIZES = [(37, 23, 32, 16), (19, 13, 38, 26), (21, 17, 7, 30), (21, 17, 21, 9), (21, 9, 30, 9), (37, 23, 1, 1), (5, 1, 12, 3), (40, 40, 19, 21)]


def noise(count, state):
    out = bytearray()
    while len(out) < count:  # xorshift32: the same bytes everywhere
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        value = state >> 24
        out.append(0 if value < 24 else 255 if value > 231 else value)
    return bytes(out)


def main():
    data, cases = bytearray(), []

    def store(raw):
        data.extend(raw)
        return len(data) - len(raw)

    for channels, mode in MODES.items():
        for i, (w, h, to_w, to_h) in enumerate(SIZES):
            raw = noise(w * h * channels, 0x9E3779B9 + 977 * i + channels)
            image = Image.frombytes(mode, (w, h), raw)
            start = store(raw)
            for name, kind in FILTERS.items():
                result = image.resize((to_w, to_h), kind).tobytes()
                cases.append(dict(channels=channels, size=[w, h], to=[to_w, to_h], filter=name, input=start, expected=store(result)))
    open(sys.argv[1] + "/resize.bin", "wb").write(data)
    json.dump({"pillow": PIL.__version__, "cases": cases}, open(sys.argv[1] + "/resize.json", "w"), separators=(",", ":"))


main()
