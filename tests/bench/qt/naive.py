"""The Q-T score of a search space as one would first write it in Python with NumPy: draw, sort, average.

    python3 naive.py FOLDER [--space CODE] [--repeat R] [--spaces N] [--seed SEED]

FOLDER holds the look-up table: stageS_OPERATOR_WINDOW.csv. Reading it is not timed. Prints
`one_space_ms MEDIAN` and `score MEAN STD` over R evaluations of one space and, with --spaces,
`spaces_s SECONDS`: the median time to score N random spaces one after the other.
"""

import argparse
import bisect
import csv
import statistics
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

SAMPLES = 100_000
GROUP = 500
TOP = 50
LIMITS_MS = [15.0, 20.0]
T = 0.08
A = 0.01
# Latency of the layers outside the searched stages.
FIXED_MS = {224: 2.0, 192: 1.5, 160: 1.0}
RESOLUTIONS = list(FIXED_MS)
# Of a stage's input: how many times smaller than the image it is.
INPUT_STRIDE = {1: 2, 2: 4, 3: 8, 4: 16, 5: 16, 6: 32}


def read_table(folder):
    """The rows (latency, loss) by (stage, operator, window, resolution)."""
    table = defaultdict(list)
    for path in sorted(Path(folder).glob("stage*_*_*.csv")):
        stage, operator, window = (int(part) for part in path.stem.removeprefix("stage").split("_"))
        with path.open(newline="") as file:
            for _, shape, loss, _, _, latency in csv.reader(file):
                resolution = int(shape.split("x")[2]) * INPUT_STRIDE[stage]
                table[stage, operator, window, resolution].append((float(latency), float(loss)))
    if not table:
        raise SystemExit(f"no stageS_OPERATOR_WINDOW.csv in {folder}")
    return table


def draw_networks(table, space, rng):
    """(latency, loss) of SAMPLES networks; GROUP of them share one resolution."""
    networks = []
    for _ in range(SAMPLES // GROUP):
        resolution = int(rng.choice(RESOLUTIONS))
        stages = []
        for stage, (operator, window) in enumerate(space, start=1):
            rows = table[stage, operator, window, resolution]
            stages.append([rows[i] for i in rng.integers(len(rows), size=GROUP)])
        for i in range(GROUP):
            latency = FIXED_MS[resolution]
            loss = 0.0
            for rows in stages:
                latency += rows[i][0]
                loss += rows[i][1]
            networks.append((latency, loss))
    return networks


def score_at(table, space, limit_ms, rng):
    """The score at one latency limit."""
    networks = draw_networks(table, space, rng)
    networks.sort(key=lambda network: network[0])
    end = bisect.bisect_right(networks, limit_ms, key=lambda network: network[0])
    share = end / SAMPLES + 1e-5
    top_loss = 1e5
    if end > 0:
        losses = sorted(loss for _, loss in networks[:end])[:TOP]
        top_loss = sum(losses) / (len(losses) + 1e-5)
    latency_loss = max(1.0, (T / share) ** A)
    return 1.0 / (latency_loss * top_loss)


def score(table, space, rng):
    """The sum of the scores at each limit; every limit has its own draws."""
    return sum(score_at(table, space, limit_ms, rng) for limit_ms in LIMITS_MS)


def parse_space(code):
    """`OOOOOO-WWWWWW` as one (operator, window) a stage."""
    operators, windows = code.replace("_", "-").split("-")
    return [(int(operator), int(window)) for operator, window in zip(operators, windows, strict=True)]


def random_space(choices, rng):
    """A space with an operator and a window of its own for each stage."""
    return [stage[rng.integers(len(stage))] for stage in choices]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of the look-up table")
    parser.add_argument("--space", default="122222-155400", help="the space to score (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=5, help="evaluations to time (default: %(default)s)")
    parser.add_argument("--spaces", type=int, default=0, help="also time this many random spaces in a row")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    table = read_table(args.folder)
    rng = np.random.default_rng(args.seed)
    space = parse_space(args.space)

    times, scores = [], []
    for _ in range(args.repeat):
        begin = time.perf_counter()
        scores.append(score(table, space, rng))
        times.append(time.perf_counter() - begin)
    print(f"one_space_ms {1000 * statistics.median(times):.3f}")
    print(f"score {statistics.mean(scores):.5f} {statistics.stdev(scores) if len(scores) > 1 else 0.0:.5f}")

    if args.spaces:
        choices = [sorted({key[1:3] for key in table if key[0] == stage}) for stage in INPUT_STRIDE]
        spaces = [random_space(choices, rng) for _ in range(args.spaces)]
        times = []
        for _ in range(args.repeat):
            begin = time.perf_counter()
            for each in spaces:
                score(table, each, rng)
            times.append(time.perf_counter() - begin)
        print(f"spaces_s {statistics.median(times):.3f}")


if __name__ == "__main__":
    main()
