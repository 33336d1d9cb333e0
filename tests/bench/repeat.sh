#!/usr/bin/env bash
# How well latencies repeat: twenty blocks in ten processes, on the machine as it is and beside one busy process. About 4 minutes.
set -euo pipefail
lab=${1:?the binary to time}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/latency
command -v python3 >/dev/null || {
    echo "this bench is driven by python3, which is missing: install it with your system's packages" >&2
    exit 1
}
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/repeat.py" "$lab" "$here/repeat.rhai" "${PROCESSES:-10}" "${BUDGET_S:-5}"
