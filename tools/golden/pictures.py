"""Goldens of tests/image/codec_test.cpp: small pictures in many file variants, with the pixels Pillow reads from them.

Usage: python pictures.py OUT_FOLDER   (writes pictures/*, pictures.json and pictures.bin)
"""
import io
import json
import os
import struct
import sys
import zlib

import PIL
from PIL import Image, ImageOps, PngImagePlugin

W, H = 19, 13
INFOTEXT = "a cat, \u65e5\u672c \U0001f431\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
LATIN = "caf\u00e9\nSteps: 20, Sampler: Euler a, CFG scale: 7"


def rgb(x, y):
    return (x * 13 % 256, y * 19 % 256, (x * y * 3 + 40) % 256)


def picture(mode):
    image = Image.new("RGBA", (W, H))
    for y in range(H):
        for x in range(W):
            image.putpixel((x, y), rgb(x, y) + (255 if x < 12 else (x * 20 + y * 9) % 256,))
    return image.convert(mode)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth, color, rows, before=b"", interlaced=False):
    """rows(y0, dy, x0, dx) -> packed rows of one pass."""
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)] if interlaced else [(0, 1, 0, 1)]
    data = b"".join(b"\0" + row for p in passes for row in rows(*p))
    head = struct.pack(">IIBBBBB", W, H, depth, color, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def rows_of(pixel):
    return lambda y0, dy, x0, dx: [b"".join(pixel(x, y) for x in range(x0, W, dx)) for y in range(y0, H, dy) if x0 < W]


def packed_rows(depth, value):
    def rows(y0, dy, x0, dx):
        for y in range(y0, H, dy):
            bits = "".join(format(value(x, y), f"0{depth}b") for x in range(x0, W, dx))
            yield int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    return rows


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def orientation(n):
    exif = Image.Exif()
    exif[0x0112] = n
    return exif


def text_png(text, **options):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", text, **options)
    return saved(picture("RGB"), "PNG", pnginfo=info)


def user_comment(label, data, order):
    e = ">" if order == b"MM" else "<"
    folder = lambda tag, kind, count, value: struct.pack(e + "HHHIII", 1, tag, kind, count, value, 0)
    return order + struct.pack(e + "HI", 42, 8) + folder(0x8769, 4, 1, 26) + folder(0x9286, 7, len(label + data), 44) + label + data


def files():
    rgb_image, rgba = picture("RGB"), picture("RGBA")
    palette = chunk(b"PLTE", b"".join(bytes(rgb(i, i + 3)) for i in range(16)))
    sixteen = lambda x, y: struct.pack(">HHH", x * 3000, y * 4000 + 129, (x * y * 700) % 65536)
    yield "gray.png", saved(picture("L"), "PNG"), "L", None
    yield "gray1.png", png(1, 0, packed_rows(1, lambda x, y: (x ^ y) & 1)), "L", None
    yield "gray4-interlaced.png", png(4, 0, packed_rows(4, lambda x, y: (x + y) % 16), interlaced=True), "L", None
    yield "gray-alpha.png", saved(picture("LA"), "PNG"), "RGBA", None
    yield "gray-trns.png", png(8, 0, rows_of(lambda x, y: bytes([x * 3])), chunk(b"tRNS", b"\0\x09")), "RGBA", None
    yield "rgb.png", saved(rgb_image, "PNG"), "RGB", None
    yield "rgb-interlaced.png", png(8, 2, rows_of(lambda x, y: bytes(rgb(x, y))), interlaced=True), "RGB", None
    yield "rgb16.png", png(16, 2, rows_of(sixteen)), "RGB", None
    yield "rgba.png", saved(rgba, "PNG"), "RGBA", None
    yield "palette4.png", png(4, 3, packed_rows(4, lambda x, y: (x * y) % 16), palette), "RGB", None
    yield "palette4-trns.png", png(4, 3, packed_rows(4, lambda x, y: (x * y) % 16), palette + chunk(b"tRNS", bytes([0, 80, 160]))), "RGBA", None
    yield "latin.png", text_png(LATIN), "RGB", LATIN
    yield "utf8.png", text_png(INFOTEXT), "RGB", INFOTEXT
    yield "ztxt.png", text_png(LATIN, zip=True), "RGB", LATIN
    info = PngImagePlugin.PngInfo()
    info.add_itxt("parameters", INFOTEXT, zip=True)
    yield "itxt-packed.png", saved(rgb_image, "PNG", pnginfo=info), "RGB", INFOTEXT
    for n in range(2, 9):
        yield f"oriented{n}.jpg", saved(rgb_image, "JPEG", quality=90, exif=orientation(n)), "RGB", None
    yield "oriented6.png", saved(rgb_image, "PNG", exif=orientation(6)), "RGB", None
    yield "gray.jpg", saved(picture("L"), "JPEG"), "L", None
    yield "progressive.jpg", saved(rgb_image, "JPEG", progressive=True), "RGB", None
    yield "cmyk.jpg", saved(rgb_image.convert("CMYK"), "JPEG", quality=95), "RGB", None
    yield "lossy.webp", saved(rgb_image, "WEBP", quality=80), "RGB", None
    yield "lossless-alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True), "RGBA", None
    comments = {"mm-be": (b"UNICODE\0", INFOTEXT.encode("utf-16-be"), b"MM"), "ii-le": (b"UNICODE\0", INFOTEXT.encode("utf-16-le"), b"II"),
                "ii-be": (b"UNICODE\0", INFOTEXT.encode("utf-16-be"), b"II"), "bom": (b"UNICODE\0", b"\xff\xfe" + INFOTEXT.encode("utf-16-le"), b"MM")}
    for name, parts in comments.items():
        yield f"comment-{name}.jpg", saved(rgb_image, "JPEG", exif=b"Exif\0\0" + user_comment(*parts)), "RGB", INFOTEXT
    ascii_text = LATIN.replace("\u00e9", "e")
    yield "comment-ascii.jpg", saved(rgb_image, "JPEG", exif=b"Exif\0\0" + user_comment(b"ASCII\0\0\0", ascii_text.encode(), b"MM")), "RGB", ascii_text
    yield "comment.webp", saved(rgb_image, "WEBP", lossless=True, exif=b"Exif\0\0" + user_comment(*comments["mm-be"])), "RGB", INFOTEXT


def main():
    out = sys.argv[1]
    os.makedirs(out + "/pictures", exist_ok=True)
    data, cases = bytearray(), []
    for name, content, mode, parameters in files():
        open(f"{out}/pictures/{name}", "wb").write(content)
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert(mode)
        channels = len(image.getbands())
        cases.append(dict(name=name, size=list(image.size), channels=channels, at=len(data), parameters=parameters or ""))
        data += image.tobytes()
    frames = [picture("RGB"), picture("RGB").rotate(180)]
    open(out + "/pictures/animated.webp", "wb").write(saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    open(out + "/pictures.bin", "wb").write(data)
    json.dump({"pillow": PIL.__version__, "cases": cases}, open(out + "/pictures.json", "w"), indent=0)


main()
