#!/usr/bin/env bash
# The Q-T score and a search of 5,000 spaces: the lab beside three NumPy programs, in one run on the reference's tables.
set -euo pipefail
lab=${1:?the binary to time}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/qt
root=$here/../../..
tables=${SPACEEVO_REFERENCE_DATA:-$root/../shared/data}/block_lut/mobilew
[[ -d $tables ]] || {
    echo "this bench needs the reference's look-up tables: set SPACEEVO_REFERENCE_DATA to the folder that holds block_lut/mobilew" >&2
    exit 1
}
python3 -c 'import numpy' 2>/dev/null || {
    echo "this bench compares with NumPy: python3 -m pip install numpy" >&2
    exit 1
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
run() { "$lab" --quiet --lab "$folder/lab" run "$@"; }
field() { awk -v key="$2" -v place="${3:-2}" '$1 == key { print $place; exit }' "$folder/$1"; }

# Ours before and after the others, so that a change of the machine's pace shows.
run "$here/one_space.rhai" "$tables" 200 >"$folder/ours"
python3 "$here/naive.py" "$tables" --repeat 5 >"$folder/naive"
python3 "$here/vectorised.py" "$tables" --repeat 100 --search 5000 >"$folder/numpy"
python3 "$here/vectorised.py" "$tables" --repeat 100 --tuned --search 5000 >"$folder/tuned"
run "$here/one_space.rhai" "$tables" 200 >"$folder/ours_again"
RAYON_NUM_THREADS=1 run "$here/search.rhai" "$tables" >"$folder/search1"
RAYON_NUM_THREADS=2 run "$here/search.rhai" "$tables" >"$folder/search2"
cat >"$folder/empty.rhai" <<'END'
//! Nothing: what a process takes before it holds a table.
hyperspace("mobilew");
END
cat >"$folder/table.rhai" <<'END'
//! Holds the table and nothing else.
import_lut(hyperspace("mobilew"), ARGS[0]);
END
peak_mb() {
    python3 - "$@" <<'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
PY
}
bare_mb=$(peak_mb "$lab" --quiet --lab "$folder/lab" run "$folder/empty.rhai")
full_mb=$(peak_mb "$lab" --quiet --lab "$folder/lab" run "$folder/table.rhai" "$tables")

python3 - "$folder" "$bare_mb" "$full_mb" "$(cat "$tables"/*.csv | wc -c)" <<'PY'
import sys

folder, bare_mb, full_mb, csv_mb = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]) / 1e6

def read(name):
    return [line.split() for line in open(f"{folder}/{name}") if line.strip()]

def value(name, key, place=1):
    return float(next(row[place] for row in read(name) if row[0] == key))

ours = min(value("ours", "one_space_ms"), value("ours_again", "one_space_ms"))
slow = max(value("ours", "one_space_ms"), value("ours_again", "one_space_ms"))
exact = value("ours", "exact_ms")
times = {name: value(name, "one_space_ms") for name in ("naive", "numpy", "tuned")}
print("One space, 100,000 draws, limits 15 and 20 ms; score as mean and standard deviation over draws:")
for label, name in (("(a) straightforward NumPy", "naive"), ("(b) vectorised NumPy", "numpy"), ("(b') NumPy, hand-tuned", "tuned")):
    mean, std = value(name, "score"), value(name, "score", 2)
    print(f"  {label:28} {times[name]:9.3f} ms   score {mean:.4f} +- {std:.4f}")
mean, std = value("ours", "score"), value("ours", "score", 2)
print(f"  {'(c) the lab, sampled':28} {ours:9.3f} ms   score {mean:.4f} +- {std:.4f}   (the slower of two runs {slow:.3f} ms)")
print(f"  {'(d) the lab, exact':28} {exact:9.3f} ms   score {value('ours', 'exact_score'):.4f}")
one, two = value("search1", "search_s"), value("search2", "search_s")
print("A search of 5,000 spaces:")
print(f"  vectorised NumPy {value('numpy', 'search_s'):.1f} s, hand-tuned {value('tuned', 'search_s'):.1f} s, straightforward {5 * times['naive']:.0f} s (5,000 x one space)")
print(f"  the lab {two:.2f} s on two threads, {one:.2f} s on one; {value('search2', 'script_us'):.0f} us a candidate without its score")
print("How one evaluation grows:")
print("  draws  " + ", ".join(f"{int(row[1]):,}: {float(row[2]):.3f} ms" for row in read("ours") if row[0] == "draws"))
print("  stages " + ", ".join(f"{row[1]}: {float(row[2]):.3f} ms" for row in read("ours") if row[0] == "stages"))
print(f"Memory: the table of 210,000 rows takes {full_mb - bare_mb:.0f} MB of the process at most ({full_mb:.0f} MB in all)")
print("Ratios say how many times less the lab takes.")
for name, ms in times.items():
    print(f"claim qt_one_space {ours:.3f} ms, baseline {name} {ms:.3f}, ratio {ms / ours:.1f}")
print(f"claim qt_exact {exact:.0f} ms, baseline naive {times['naive']:.0f}, ratio {times['naive'] / exact:.2f}")
for name in ("numpy", "tuned"):
    print(f"claim qt_search_5000 {two:.2f} s, baseline {name} {value(name, 'search_s'):.2f}, ratio {value(name, 'search_s') / two:.1f}")
print(f"claim qt_script {value('search2', 'script_us'):.1f} us, baseline asked_for 100, ratio {100 / value('search2', 'script_us'):.2f}")
print(f"claim qt_two_threads {two:.2f} s, baseline one_thread {one:.2f}, ratio {one / two:.2f}")
print(f"claim lut_memory {full_mb - bare_mb:.0f} MB, baseline csv_files {csv_mb:.1f}, ratio {csv_mb / (full_mb - bare_mb):.2f}")
PY
