"""Reads what the programs of the bench printed and prints tables and claims: python3 report.py OUTPUTS TABLES

OUTPUTS holds a file NAME.ROUND for each program and round. Fails if the scores of the programs do not agree.
"""

import statistics
import sys
from pathlib import Path

outputs, tables = Path(sys.argv[1]), Path(sys.argv[2])
EVALUATIONS = 5000


def lines(name, key):
    """In all rounds of a program, the values on the lines that begin with `key`."""
    rows = [line.split() for path in sorted(outputs.glob(f"{name}.*")) for line in path.read_text().splitlines()]
    found = [row[1:] for row in rows if row and row[0] == key]
    if not found:
        raise SystemExit(f"{name} printed no {key}")
    return found


def value(name, key):
    """The median over the rounds."""
    return statistics.median(float(row[0]) for row in lines(name, key))


def spread(name, key):
    values = [float(row[0]) for row in lines(name, key)]
    return f"{min(values):.3f} to {max(values):.3f}"


def score(name):
    """Mean, standard deviation and number of scores with random numbers of their own; every round has as many."""
    rounds = [tuple(map(float, row)) for row in lines(name, "score")]
    mean = statistics.mean(row[0] for row in rounds)
    within = statistics.mean(row[1] ** 2 for row in rounds)
    return mean, within**0.5, int(sum(row[2] for row in rounds))


def table(title, header, rows):
    print(f"\n{title}")
    widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header))]
    for row in [header, *rows]:
        print("  " + "  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]))


def claim(name, ours, unit, baseline, theirs):
    """A claim, from numbers as text: the ratio is theirs over ours."""
    print(f"claim {name} {ours} {unit}, baseline {baseline} {theirs}, ratio {float(theirs) / float(ours):.2f}")


# ---- one space ----------------------------------------------------------------------------------

exact_score = value("lab", "exact_score")
rows, disagree = [], []
for label, name in [("(a) naive NumPy", "naive"), ("(b) vectorised NumPy", "numpy"), ("(b2) tuned NumPy", "tuned"),
                    ("(c) the lab, sampled", "lab")]:
    mean, deviation, count = score(name)
    # Four standard errors of the mean, and a little for what 100,000 draws are off on average.
    if abs(mean - exact_score) > 4 * deviation / count**0.5 + 0.002 * exact_score:
        disagree.append(label)
    rows.append([label, f"{value(name, 'one_space_ms'):.3f}", spread(name, "one_space_ms"),
                 f"{mean:.4f}", f"{deviation:.4f}", str(count)])
rows.append(["(d) the lab, exact", f"{value('lab', 'exact_ms'):.3f}", spread("lab", "exact_ms"), f"{exact_score:.4f}", "", ""])
table("One space, 100,000 draws, limits 15 and 20 ms; every evaluation draws its random numbers:",
      ["", "ms", "over the rounds", "score", "std", "evaluations"], rows)
print("  (a) and (b) draw anew for each limit, as the reference does; (b2), (c) read both limits from one draw.")
print(f"  The scores {'DO NOT agree with (d): ' + ', '.join(disagree) if disagree else 'agree'}.")
table("The same with random numbers that are drawn once and kept, as a search in the lab does:", ["", "ms", "over the rounds"],
      [["(b2) tuned NumPy", f"{value('tuned_kept', 'one_space_ms'):.3f}", spread("tuned_kept", "one_space_ms")],
       ["(c) the lab, sampled", f"{value('lab', 'kept_ms'):.3f}", spread("lab", "kept_ms")]])

# ---- search -------------------------------------------------------------------------------------

one, two = value("search1", "search_s"), value("search2", "search_s")
naive_s = EVALUATIONS / 1000 * value("naive", "one_space_ms")
rows = [["(a) naive NumPy", f"{naive_s:.0f}", "anew", "not run: 5,000 times one space"]]
for label, name, draws in [("(b) vectorised NumPy", "numpy_search", "anew"), ("(b2) tuned NumPy", "tuned_search", "anew"),
                           ("(b2) tuned NumPy", "kept_search", "kept")]:
    rows.append([label, f"{value(name, 'search_s'):.2f}", draws, " ".join(lines(name, "best")[0])])
best = lines("search2", "best")[0]
for label, seconds in [("(c) the lab, one thread", one), ("(c) the lab, two threads", two)]:
    rows.append([label, f"{seconds:.2f}", "kept", f"{best[0]} {float(best[1]):.5f}"])
table("A search of 5,000 spaces by aging evolution, in seconds; the best score is the luckiest of 5,000:",
      ["", "s", "draws", "best"], rows)
script = value("search1", "script_us")
print(f"  Without its score (objective `|space| 1.0`) an evaluation takes {script:.1f} us on one thread,"
      f" {value('search2', 'script_us'):.1f} us on two.")

# ---- growth and memory --------------------------------------------------------------------------

for key, title in [("draws", "One evaluation by draws, in ms:"), ("stages", "One evaluation by searched stages, in ms:")]:
    table(title, [key, "drawn anew", "kept"],
          [[f"{int(row[0]):,}", f"{float(row[1]):.3f}", f"{float(row[2]):.3f}"] for row in lines("growth", key)])
bare_mb, full_mb = value("nothing", "peak_mb"), value("rows", "peak_mb")
files = list(tables.glob("*.csv"))
count = sum(file.read_bytes().count(b"\n") for file in files)
csv_mb = sum(file.stat().st_size for file in files) / 2**20
print(f"\nMemory: a process that imports the table of {count:,} rows holds {full_mb:.0f} MB at its peak,"
      f" one that does not {bare_mb:.0f} MB.")

# ---- claims -------------------------------------------------------------------------------------

print("\nRatio: the baseline over ours, so above 1 the lab takes less.")
ours = f"{value('lab', 'one_space_ms'):.3f}"
for name in ("naive", "numpy", "tuned"):
    claim("qt_one_space", ours, "ms", name, f"{value(name, 'one_space_ms'):.3f}")
claim("qt_one_space_kept", f"{value('lab', 'kept_ms'):.3f}", "ms", "tuned_kept", f"{value('tuned_kept', 'one_space_ms'):.3f}")
claim("qt_exact", f"{value('lab', 'exact_ms'):.1f}", "ms", "naive", f"{value('naive', 'one_space_ms'):.1f}")
for label, name in [("numpy", "numpy_search"), ("tuned", "tuned_search"), ("tuned_kept", "kept_search")]:
    claim("qt_search_5000", f"{two:.2f}", "s", label, f"{value(name, 'search_s'):.2f}")
claim("qt_script_us", f"{script:.1f}", "us", "limit", "100")
claim("qt_threads", f"{two:.2f}", "s", "one_thread", f"{one:.2f}")
claim("lut_memory_mb", f"{full_mb - bare_mb:.1f}", "MB", "csv_files", f"{csv_mb:.1f}")
sys.exit(1 if disagree else 0)
