"""Copies the reference data of adapters that tests read. Merged weights are thinned: of a large tensor every n-th value is
kept (n odd, so that every row and column is met), all of them in one file. Usage: adapters.py SOURCE TARGET"""
import glob, os, shutil, sys
import numpy as np
from safetensors.numpy import load_file, save_file

source, target = sys.argv[1:3]
os.makedirs(f"{target}/textual_inversion", exist_ok=True)
kept = {}
for path in sorted(glob.glob(f"{source}/*.expected.safetensors")):
    name = os.path.basename(path).removesuffix(".expected.safetensors")
    for key, value in load_file(path).items():
        stride = max(1, value.size // 600) | 1
        kept[f"{name}/{key}"] = np.ascontiguousarray(value.ravel()[::stride])
save_file(kept, f"{target}/expected.safetensors")
for path in sorted(glob.glob(f"{source}/*") + glob.glob(f"{source}/textual_inversion/*")):
    if os.path.isfile(path) and ".expected." not in path:
        copy = f"{target}/{os.path.relpath(path, source)}"
        shutil.copyfile(path, copy)
