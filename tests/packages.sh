#!/usr/bin/env bash
# Installs Debian's packages that some tests need: tests/packages.sh PACKAGE...; fails, saying so, where it cannot.
set -euo pipefail

as_root=()
command -v apt-get >/dev/null || { echo "there is no apt-get to install $*" >&2; exit 1; }
if [[ $(id -u) != 0 ]]; then
    sudo -n true 2>/dev/null || { echo "installing needs root: sudo apt-get install $*" >&2; exit 1; }
    as_root=(sudo -n)
fi
echo "Installing $*…" >&2
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
