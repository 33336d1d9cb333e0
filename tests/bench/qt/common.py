"""What the NumPy programs of this bench share: the tables, the score's numbers, the evolution, arguments and timing."""

import argparse
import statistics
import time
from collections import defaultdict, deque
from pathlib import Path

import numpy as np

SAMPLES = 100_000
# Networks drawn at one resolution.
GROUP = 500
TOP = 50
LIMITS_MS = [15.0, 20.0]
T = 0.08
A = 0.01
# Latency of the layers outside the searched stages.
FIXED_MS = {224: 2.0, 192: 1.5, 160: 1.0}
RESOLUTIONS = list(FIXED_MS)
# Of each stage's input: how many times smaller than the image it is.
INPUT_STRIDES = [2, 4, 8, 16, 16, 32]
STAGES = len(INPUT_STRIDES)
POPULATION = 500
TOURNAMENT = 125


def read_tables(folder):
    """By (stage from 0, operator, window): for each resolution a list of rows (latency, loss)."""
    tables = {}
    for path in sorted(Path(folder).glob("stage*_*_*.csv")):
        stage, operator, window = (int(part) for part in path.stem.removeprefix("stage").split("_"))
        rows = defaultdict(list)
        for line in path.read_text().splitlines():
            _, shape, loss, _, _, latency = line.split(",")
            rows[int(shape.split("x")[2]) * INPUT_STRIDES[stage - 1]].append((float(latency), float(loss)))
        tables[stage - 1, operator, window] = [rows[side] for side in RESOLUTIONS]
    if not tables:
        raise SystemExit(f"no stageS_OPERATOR_WINDOW.csv in {folder}")
    return tables


def stages_of(tables, space):
    """The tables of the space's stages."""
    return [tables[key] for key in zip(range(STAGES), *space, strict=True)]


def limit_score(share, top_loss):
    """The score at one limit, from the share of networks that keep it and the mean loss of the best of them."""
    return 1.0 / (max(1.0, (T / (share + 1e-5)) ** A) * top_loss)


def score_of(losses):
    """The score at one limit, from an array of the losses of the networks that keep it."""
    if losses.size == 0:
        return limit_score(0.0, 1e5)
    best = np.partition(losses, TOP - 1)[:TOP] if losses.size > TOP else losses
    return limit_score(losses.size / SAMPLES, best.sum(dtype=np.float64) / (best.size + 1e-5))


class Choices:
    """The operators, and the windows of each stage, that the tables have."""

    def __init__(self, tables, rng):
        self.rng = rng
        self.operators = 1 + max(operator for _, operator, _ in tables)
        self.windows = [1 + max(key[2] for key in tables if key[0] == stage) for stage in range(STAGES)]

    def plain(self):
        """One operator in all stages and, as near as each stage has it, one window."""
        for operator in range(self.operators):
            for window in range(max(self.windows)):
                yield (operator,) * STAGES, tuple(min(window, count - 1) for count in self.windows)

    def random(self):
        return tuple(self.rng.integers(self.operators, size=STAGES).tolist()), tuple(self.rng.integers(self.windows).tolist())

    def children(self, parent):
        """The parent with another operator in one stage, and with another window in one stage."""
        operators, windows = parent
        yield self.changed(operators, [self.operators] * STAGES), windows
        yield operators, self.changed(windows, self.windows)

    def changed(self, values, counts):
        """`values` with one of them replaced by another below its count."""
        stage = int(self.rng.integers(STAGES))
        shift = int(self.rng.integers(1, counts[stage]))
        return values[:stage] + ((values[stage] + shift) % counts[stage],) + values[stage + 1:]


def search(score, choices, evaluations, rng):
    """Aging evolution until `evaluations` distinct spaces are scored: (the best, its score)."""
    history = {}
    population = deque(maxlen=POPULATION)

    def offer(space):
        if space not in history and len(history) < evaluations:
            history[space] = score(space)
            population.append(space)

    for space in choices.plain():
        offer(space)
    while len(history) < min(POPULATION, evaluations):
        offer(choices.random())
    while len(history) < evaluations:
        entrants = rng.choice(POPULATION, TOURNAMENT, replace=False)
        parent = max((population[i] for i in entrants), key=history.get)
        for child in choices.children(parent):
            offer(child)
    return max(history.items(), key=lambda entry: entry[1])


def parse_space(code):
    """`OOOOOO-WWWWWW` as the operators and the windows of the stages."""
    operators, windows = code.replace("_", "-").split("-")
    return tuple(map(int, operators)), tuple(map(int, windows))


def code_of(space):
    return "-".join("".join(map(str, part)) for part in space)


def parser(about):
    """The arguments that all programs take; `about` is a program's documentation."""
    found = argparse.ArgumentParser(description=about.splitlines()[0])
    found.add_argument("folder", help="folder of the look-up table: stageS_OPERATOR_WINDOW.csv; reading it is not timed")
    found.add_argument("--space", default="122222-155400", help="the space to score (default: %(default)s)")
    found.add_argument("--repeat", type=int, default=5, help="evaluations to time (default: %(default)s)")
    found.add_argument("--search", type=int, default=0, help="also evolve until this many spaces are scored")
    found.add_argument("--seed", type=int, default=0)
    return found


def time_scores(args, tables, score, rng):
    """Prints `one_space_ms MEDIAN`, `score MEAN STD COUNT` and, for a search, `search_s SECONDS`, `best CODE SCORE`."""
    space = parse_space(args.space)
    score(space)  # memory that is touched for the first time does not count
    times, scores = [], []
    for _ in range(args.repeat):
        begin = time.perf_counter()
        scores.append(score(space))
        times.append(time.perf_counter() - begin)
    print(f"one_space_ms {1000 * statistics.median(times):.3f}")
    deviation = statistics.stdev(scores) if len(scores) > 1 else 0.0
    print(f"score {statistics.mean(scores):.5f} {deviation:.5f} {len(scores)}")
    if args.search:
        begin = time.perf_counter()
        best, best_score = search(score, Choices(tables, rng), args.search, rng)
        print(f"search_s {time.perf_counter() - begin:.3f}")
        print(f"best {code_of(best)} {best_score:.5f}")
