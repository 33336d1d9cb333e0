"""The Q-T score of a search space in well vectorised NumPy, and the evolution of search spaces with it.

    python3 vectorised.py FOLDER [--tuned] [--space CODE] [--repeat R] [--spaces N] [--search N] [--seed SEED]

Written as one writes vectorised NumPy: the generator's usual integers, one array for each figure, masks. With
--tuned, the quickest that was found: narrow integers, rows of both figures, single precision, arrays reused.

FOLDER holds the look-up table: stageS_OPERATOR_WINDOW.csv. Reading it is not timed. Prints
`one_space_ms MEDIAN` and `score MEAN STD` over R evaluations of one space; with --spaces,
`spaces_s SECONDS`: the median time to score N random spaces one after the other; and with --search,
`search_s SECONDS` and `best CODE SCORE` of an aging evolution that scores N distinct spaces.
"""

import argparse
import statistics
import time
from collections import defaultdict, deque
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
STAGES = len(INPUT_STRIDE)
POPULATION = 500
TOURNAMENT = 125
# Columns of a table.
LATENCY, LOSS = 0, 1


def read_tables(folder):
    """By (stage from 0, operator, window): for each resolution an array of rows (latency, loss)."""
    tables = {}
    for path in sorted(Path(folder).glob("stage*_*_*.csv")):
        stage, operator, window = (int(part) for part in path.stem.removeprefix("stage").split("_"))
        rows = defaultdict(list)
        for line in path.read_text().splitlines():
            _, shape, loss, _, _, latency = line.split(",")
            rows[int(shape.split("x")[2]) * INPUT_STRIDE[stage]].append((float(latency), float(loss)))
        tables[stage - 1, operator, window] = [np.array(rows[side], dtype=np.float32) for side in RESOLUTIONS]
    if not tables:
        raise SystemExit(f"no stageS_OPERATOR_WINDOW.csv in {folder}")
    return tables


class PlainScorer:
    """Scores spaces. Both limits are read from one draw."""

    def __init__(self, tables, rng):
        self.rng = rng
        columns = {key: [np.ascontiguousarray(rows.astype(np.float64).T) for rows in sides] for key, sides in tables.items()}
        self.tables = columns

    def score(self, space):
        """The sum of the scores of `space` at each limit."""
        operators, windows = space
        stages = [self.tables[key] for key in zip(range(STAGES), operators, windows, strict=True)]
        groups = self.rng.integers(len(RESOLUTIONS), size=SAMPLES // GROUP)
        latencies, losses = [], []
        for resolution, fixed in enumerate(FIXED_MS.values()):
            count = GROUP * int((groups == resolution).sum())
            latency, loss = np.full(count, fixed), np.zeros(count)
            for sides in stages:
                table = sides[resolution]
                rows = self.rng.integers(table.shape[1], size=count)
                latency += table[LATENCY][rows]
                loss += table[LOSS][rows]
            latencies.append(latency)
            losses.append(loss)
        latency, loss = np.concatenate(latencies), np.concatenate(losses)
        return sum(score_of(loss[latency <= limit]) for limit in LIMITS_MS)


class TunedScorer:
    """Scores spaces. Both limits are read from one draw; the arrays that the draw fills are made once."""

    def __init__(self, tables, rng):
        self.tables = tables
        self.rng = rng
        self.rows = np.empty(SAMPLES, dtype=np.intp)
        self.term = np.empty((SAMPLES, 2), dtype=np.float32)
        self.total = np.empty((SAMPLES, 2), dtype=np.float32)

    def draw(self, stages, resolution, count):
        """Rows (latency, loss) of `count` networks, without the fixed part; the next draw overwrites them."""
        rows, term, total = self.rows[:count], self.term[:count], self.total[:count]
        for stage, tables in enumerate(stages):
            table = tables[resolution]
            # Narrow integers are the quickest to draw, and whole rows the quickest to take.
            rows[:] = self.rng.integers(len(table), size=count, dtype=np.uint16)
            if stage == 0:
                table.take(rows, axis=0, out=total, mode="clip")
            else:
                table.take(rows, axis=0, out=term, mode="clip")
                total += term
        return total

    def score(self, space):
        """The sum of the scores of `space` at each limit."""
        operators, windows = space
        stages = [self.tables[key] for key in zip(range(STAGES), operators, windows, strict=True)]
        groups = self.rng.multinomial(SAMPLES // GROUP, np.full(len(RESOLUTIONS), 1 / len(RESOLUTIONS)))
        kept = [[] for _ in LIMITS_MS]
        for resolution, fixed in enumerate(FIXED_MS.values()):
            networks = self.draw(stages, resolution, GROUP * groups[resolution])
            latency, loss = networks[:, LATENCY], networks[:, LOSS]
            for losses, limit in zip(kept, LIMITS_MS):
                losses.append(loss.compress(latency <= np.float32(limit - fixed)))
        return sum(score_of(np.concatenate(losses)) for losses in kept)


def score_of(losses):
    """The score at one limit, from the losses of the networks that keep it."""
    if losses.size == 0:
        top_loss = 1e5
    else:
        best = np.partition(losses, TOP - 1)[:TOP] if losses.size > TOP else losses
        top_loss = best.sum(dtype=np.float64) / (best.size + 1e-5)
    share = losses.size / SAMPLES + 1e-5
    return 1.0 / (max(1.0, (T / share) ** A) * top_loss)


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


def search(scorer, choices, cycles, rng):
    """Aging evolution until `cycles` distinct spaces are scored: (the best, its score).

    With `cycles` of at most POPULATION it ends within the first population.
    """
    history = {}
    population = deque(maxlen=POPULATION)

    def offer(space):
        if space not in history and len(history) < cycles:
            history[space] = scorer.score(space)
            population.append(space)

    for space in choices.plain():
        offer(space)
    while len(history) < min(POPULATION, cycles):
        offer(choices.random())
    while len(history) < cycles:
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of the look-up table")
    parser.add_argument("--space", default="122222-155400", help="the space to score (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=20, help="evaluations to time (default: %(default)s)")
    parser.add_argument("--spaces", type=int, default=0, help="also time this many random spaces in a row")
    parser.add_argument("--search", type=int, default=0, help="also evolve until this many spaces are scored")
    parser.add_argument("--tuned", action="store_true", help="the quickest that was found, not the usual way")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    tables = read_tables(args.folder)
    if args.tuned:
        rng = np.random.Generator(np.random.SFC64(args.seed))
        scorer = TunedScorer(tables, rng)
    else:
        rng = np.random.default_rng(args.seed)
        scorer = PlainScorer(tables, rng)
    choices = Choices(tables, rng)
    space = parse_space(args.space)

    times, scores = [], []
    for _ in range(args.repeat):
        begin = time.perf_counter()
        scores.append(scorer.score(space))
        times.append(time.perf_counter() - begin)
    print(f"one_space_ms {1000 * statistics.median(times):.3f}")
    print(f"score {statistics.mean(scores):.5f} {statistics.stdev(scores) if len(scores) > 1 else 0.0:.5f}")

    if args.spaces:
        spaces = [choices.random() for _ in range(args.spaces)]
        times = []
        for _ in range(args.repeat):
            begin = time.perf_counter()
            for each in spaces:
                scorer.score(each)
            times.append(time.perf_counter() - begin)
        print(f"spaces_s {statistics.median(times):.3f}")

    if args.search:
        begin = time.perf_counter()
        best, best_score = search(scorer, choices, args.search, rng)
        print(f"search_s {time.perf_counter() - begin:.3f}")
        print(f"best {code_of(best)} {best_score:.5f}")


if __name__ == "__main__":
    main()
