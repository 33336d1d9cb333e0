#!/usr/bin/env bash
# How fast the pictures of a folder are read for training, against torchvision in PyTorch's DataLoader. About 6 minutes.
# They are those of the interpreter named in TORCH_PYTHON (a virtual environment's), else of python3.
set -euo pipefail
lab=${1:?the binary to time}
python=${TORCH_PYTHON:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/loading
"$python" -c 'import torchvision' 2>/dev/null || {
    echo "$python has no torchvision, which makes the pictures and is compared with: TORCH_PYTHON=... names one that has" >&2
    exit 1
}
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$here/loading.py" "$lab" "${ROUNDS:-5}"
