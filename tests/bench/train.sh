#!/usr/bin/env bash
# What blocks cost to train: with shared teacher passes against one pass a job, and against eager PyTorch. About 15 minutes,
# and as many again where torch.compile is tried beside it.
# PyTorch is that of the interpreter named in TORCH_PYTHON (a virtual environment's), else of python3; without it that part is skipped.
set -euo pipefail
lab=${1:?the binary to time}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/train
command -v python3 >/dev/null || {
    echo "this bench is driven by python3, which is missing: install it with your system's packages" >&2
    exit 1
}
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/train.py" "$lab" "${ROUNDS:-3}" "${TORCH_PYTHON:-python3}"
