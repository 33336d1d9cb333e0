#!/usr/bin/env bash
# How soon the Jupyter kernel answers, beside ipykernel and evcxr: from a cell to its answer, from the start to the first.
set -euo pipefail
lab=${1:?the binary to time}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
environment=$("$here/../../x" jupyter-env)
exec "$environment/bin/python" "$here/kernel/kernel.py" "$lab" "${RUNS:-500}" "${STARTS:-11}"
