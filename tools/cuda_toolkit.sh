#!/usr/bin/env bash
# Fetches what src/cuda is compiled with (nvcc, cuBLASLt, cuDNN: about 1.5 GB) as Python wheels into build/cuda-toolkit.
# CMake finds it there; a toolkit that is installed on the machine does as well. Run once, by hand: nothing else calls it.
#   --libraries   only what the program needs to run: cuBLASLt and cuDNN, for a machine that has an NVIDIA driver and no more
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
. "$root/tools/bootstrap.sh"
folder=$root/build/cuda-toolkit

# CUDA 13.0 wants a driver of version 580 or later, and later 13.x libraries serve this build as well.
libraries="nvidia-cublas==13.1.0.3 nvidia-cudnn-cu13==9.19.0.56 nvidia-cuda-nvrtc==13.0.88"
compiler="nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85 nvidia-cudnn-frontend==1.18.0"
case ${1-} in
  "") wanted="$libraries $compiler" ;;
  --libraries) wanted=$libraries ;;
  *)
    say "usage: tools/cuda_toolkit.sh [--libraries]"
    exit 2
    ;;
esac

install_packages python3-venv
python3 -m venv "$folder"
# shellcheck disable=SC2086
"$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps $wanted
say "the CUDA toolkit is in $folder"
