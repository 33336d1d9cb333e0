#!/usr/bin/env bash
# The lab's latencies beside those of ONNX Runtime's own Python API: the same files in the same rounds. About 5 minutes.
set -euo pipefail
lab=${1:?the binary to time}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/latency
python3 -c 'import numpy, onnxruntime' 2>/dev/null || {
    echo "this bench compares with ONNX Runtime's Python API: python3 -m pip install onnxruntime==1.26.0 numpy" >&2
    exit 1
}
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/agree.py" "$lab" "$here/files.rhai" "${ROUNDS:-40}"
