#!/usr/bin/env bash
# Runs the scenes of tests/cluster for which this machine has the programs: run.sh SPACEEVO. What is left out is said.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
scenes=()

# scene NAME PACKAGES PROGRAM...
scene() {
    local name=$1 packages=$2 program missing=''
    shift 2
    for program in "$@"; do command -v "$program" >/dev/null || missing=$program; done
    # shellcheck disable=SC2086 # several packages
    if [[ -z $missing ]] || "$here/../packages.sh" $packages; then
        scenes+=("$name")
    else
        echo "SKIPPED: $name: there is no $missing (Debian: $packages)"
    fi
}

scene ssh "openssh-server openssh-client" sshd ssh ssh-keygen
scene slurm "slurm-wlm munge" slurmctld slurmd sbatch munged
[[ ${#scenes[@]} -eq 0 ]] || python3 "$here/run.py" --spaceevo "$1" "${scenes[@]}"
