"""The bench `repeat`: the same twenty blocks in ten processes, on a quiet machine and beside one busy process."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict

lab, script, processes, budget = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


def session(busy):
    """The rows of all processes: by (name, alone) a list, one entry a process."""
    rows = defaultdict(list)
    spinner = None
    with tempfile.TemporaryDirectory() as folder:
        if busy:
            # Work that needs caches too, not only a core.
            code = "x = list(range(200000))\nwhile True: x.sort(key=lambda i: -i); x.reverse()"
            spinner = subprocess.Popen([sys.executable, "-c", code])
        try:
            for number in range(processes):
                call = [lab, "--quiet", "--lab", os.path.join(folder, "lab"), "run", script, "--budget_s", budget]
                out = subprocess.run(call, capture_output=True, text=True)
                if out.returncode:
                    sys.exit(f"process {number} failed:\n{out.stderr}")
                for line in out.stdout.splitlines():
                    row = json.loads(line)
                    rows[row["name"], row["alone"]].append(row)
                print(f"  {'busy' if busy else 'quiet'}: process {number + 1} of {processes}", file=sys.stderr)
        finally:
            if spinner:
                spinner.kill()
                spinner.wait()
    return rows


def cv(values):
    return 100 * statistics.stdev(values) / statistics.mean(values)


def report(word, rows):
    print(f"\n{word}: coefficient of variation over {processes} processes, share of 95 % intervals that hold the median of the other processes")
    print(f"{'block':<42} {'holds':<11} {'median ms':>10} {'cv %':>6} {'raw cv %':>9} {'held %':>7}")
    seen = {}
    for (name, alone), own in rows.items():
        held = 0
        for at, row in enumerate(own):
            others = statistics.median(other["ms"] for place, other in enumerate(own) if place != at)
            held += row["low"] <= others <= row["high"]
        figures = cv([row["ms"] for row in own]), cv([row["raw"] for row in own]), 100 * held / len(own)
        seen[name, alone] = figures
        middle = statistics.median(row["ms"] for row in own)
        print(f"{name:<42} {'alone' if alone else 'in_network':<11} {middle:>10.4f} {figures[0]:>6.2f} {figures[1]:>9.2f} {figures[2]:>7.0f}")
    claims = []
    for alone in (True, False):
        own = [figures for (_, is_alone), figures in seen.items() if is_alone == alone]
        kind = "alone" if alone else "in_network"
        worst, median = max(o[0] for o in own), statistics.median(o[0] for o in own)
        raw = statistics.median(o[1] for o in own)
        held = statistics.mean(o[2] for o in own)
        if alone:
            claims.append(f"claim repeat_{word}_{kind}_cv {median:.2f} %, baseline plain_medians {raw:.2f}, ratio {median / max(raw, 1e-9):.3f}")
        else:
            claims.append(f"claim repeat_{word}_{kind}_cv {median:.2f} %, baseline target {3.0 if word == 'quiet' else 5.0}, ratio {median / (3.0 if word == 'quiet' else 5.0):.3f}")
        claims.append(f"claim repeat_{word}_{kind}_cv_worst {worst:.2f} %, baseline target {3.0 if word == 'quiet' else 5.0}, ratio {worst / (3.0 if word == 'quiet' else 5.0):.3f}")
        claims.append(f"claim repeat_{word}_{kind}_intervals_hold {held:.1f} %, baseline target 90, ratio {held / 90:.3f}")
    return claims


claims = report("quiet", session(False)) + report("busy", session(True))
print()
print("\n".join(claims))
