#!/usr/bin/env bash
# The Q-T score and a search of 5,000 spaces: the lab beside NumPy programs, in one run on the reference's tables.
set -euo pipefail
lab=${1:?the binary to time}
rounds=${ROUNDS:-5}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/qt
root=$(cd "$here/../../.." && pwd)
data=${SPACEEVO_REFERENCE_DATA:-$(dirname "$root")/shared/data}
tables=$data/block_lut/mobilew
[[ -d $tables ]] || {
    echo "this bench needs the reference's look-up tables, and there is no block_lut/mobilew in $data" >&2
    echo "set SPACEEVO_REFERENCE_DATA to the folder that holds block_lut/mobilew" >&2
    exit 1
}
python3 -c 'import numpy' 2>/dev/null || {
    echo "this bench compares with NumPy: python3 -m pip install numpy" >&2
    exit 1
}
export PYTHONDONTWRITEBYTECODE=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/out"
run() { "$lab" --quiet --lab "$folder/lab" run "$@"; }
keep() { local name=$1; shift; "$@" >"$folder/out/$name"; }
peak() { python3 "$here/peak.py" "$lab" --quiet --lab "$folder/lab" run "$@"; }

# In turn, so that a change of the machine's pace falls on all; every round has seeds of its own.
for round in $(seq "$rounds"); do
    seed=$((1000 * round))
    keep "lab.$round" run "$here/one_space.rhai" "$tables" 100 "$seed"
    keep "naive.$round" python3 "$here/naive.py" "$tables" --repeat 3 --seed "$seed"
    keep "numpy.$round" python3 "$here/vectorised.py" "$tables" --repeat 50 --seed "$seed"
    keep "tuned.$round" python3 "$here/tuned.py" "$tables" --repeat 50 --seed "$seed"
    keep "tuned_kept.$round" python3 "$here/tuned.py" "$tables" --repeat 50 --seed "$seed" --kept
done
# The lab's searches are short: before and after the long ones.
RAYON_NUM_THREADS=1 keep search1.1 run "$here/search.rhai" "$tables"
RAYON_NUM_THREADS=2 keep search2.1 run "$here/search.rhai" "$tables"
keep numpy_search.1 python3 "$here/vectorised.py" "$tables" --repeat 1 --search 5000
RAYON_NUM_THREADS=1 keep search1.2 run "$here/search.rhai" "$tables"
RAYON_NUM_THREADS=2 keep search2.2 run "$here/search.rhai" "$tables"
keep tuned_search.1 python3 "$here/tuned.py" "$tables" --repeat 1 --search 5000
keep kept_search.1 python3 "$here/tuned.py" "$tables" --repeat 1 --search 5000 --kept
RAYON_NUM_THREADS=1 keep search1.3 run "$here/search.rhai" "$tables"
RAYON_NUM_THREADS=2 keep search2.3 run "$here/search.rhai" "$tables"
keep growth.1 run "$here/growth.rhai" "$tables"
for round in $(seq "$rounds"); do
    keep "nothing.$round" peak "$here/nothing.rhai"
    keep "rows.$round" peak "$here/rows.rhai" "$tables"
done
python3 "$here/report.py" "$folder/out" "$tables"
