#!/usr/bin/env bash
# How soon the lab answers and shows its prompt, beside IPython, evcxr, Python and `import torch`: whole processes, in turn.
set -euo pipefail
lab=${1:?the binary to time}
command -v python3 >/dev/null || {
    echo "this bench is driven by python3, which is missing: install it with your system's packages" >&2
    exit 1
}
exec python3 "$(dirname "${BASH_SOURCE[0]}")/startup/startup.py" "$lab" "${RUNS:-11}"
