#!/usr/bin/env bash
# How soon the Jupyter kernel answers, beside ipykernel and evcxr: from a cell to its answer, from the start to the first.
set -euo pipefail
lab=${1:?the binary to time}
command -v python3 >/dev/null || {
    echo "this bench is driven by python3, which is missing: install it with your system's packages" >&2
    exit 1
}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# An environment of its own beside the program's build folder, made once.
environment=$(dirname "$(dirname "$(readlink -f "$lab")")")/bench-jupyter
packages=(jupyter_client==8.10.0 ipykernel==7.4.0 pyzmq==27.3.0)
if [[ $(cat "$environment/ready" 2>/dev/null) != "${packages[*]}" ]]; then
    echo "installing ${packages[*]} into $environment" >&2
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
    echo "${packages[*]}" >"$environment/ready"
fi
exec "$environment/bin/python" "$here/kernel/kernel.py" "$lab" "${RUNS:-500}" "${STARTS:-11}"
