#!/usr/bin/env bash
# How soon `spaceevo -e '1+1'` answers, beside `python3 -c 'print(1+1)'`: whole processes, run in turn, medians.
set -euo pipefail
lab=${1:?the binary to time}
runs=${RUNS:-25}
now() { local t=$EPOCHREALTIME; echo "${t/[.,]/}"; }
once() { local begin; begin=$(now); "$@" >/dev/null; echo $(($(now) - begin)); }
median() { sort -n | sed -n "$(((runs + 1) / 2))p"; }
ours=() theirs=()
for _ in $(seq "$runs"); do
    ours+=("$(once "$lab" -e '1+1')")
    theirs+=("$(once python3 -c 'print(1+1)')")
done
ours_us=$(printf '%s\n' "${ours[@]}" | median)
theirs_us=$(printf '%s\n' "${theirs[@]}" | median)
awk -v a="$ours_us" -v b="$theirs_us" -v n="$runs" 'BEGIN {
    printf "start to answer, median of %d runs: spaceevo %.1f ms, python3 %.1f ms (asked for: at most 50 ms)\n", n, a / 1000, b / 1000
    printf "claim start_ms %.1f ms, baseline python3 %.1f, ratio %.2f\n", a / 1000, b / 1000, a / b
}'
