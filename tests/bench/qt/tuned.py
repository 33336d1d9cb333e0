"""The Q-T score of a search space in the quickest NumPy that was found: rows of both figures in single precision, arrays reused.

    python3 tuned.py FOLDER [--kept] [--space CODE] [--repeat R] [--search N] [--seed SEED]

With --kept the random numbers are drawn once and serve for all spaces, as the lab does for evaluations with one seed; so do
the rows that a table of one length gets from them, which takes some 100 MB in a search.
"""

import numpy as np
from common import FIXED_MS, GROUP, LIMITS_MS, SAMPLES, STAGES, parser, read_tables, score_of, stages_of, time_scores

# Random numbers that are kept have so many bits: times a table's length they fit in 32.
BITS = 22


class Scorer:
    """Scores spaces. All limits are read from one draw; the arrays that it fills are made once."""

    def __init__(self, tables, rng, kept):
        self.tables = tables
        self.rng = rng
        self.rows = np.empty(SAMPLES, dtype=np.intp)
        self.term = np.empty((SAMPLES, 2), dtype=np.float32)
        self.total = np.empty((SAMPLES, 2), dtype=np.float32)
        self.numbers = rng.integers(1 << BITS, size=(STAGES, SAMPLES), dtype=np.uint32) if kept else None
        self.counts = self.draw_counts() if kept else None
        self.kept_rows = {}

    def draw_counts(self):
        """How many networks each resolution has."""
        return GROUP * self.rng.multinomial(SAMPLES // GROUP, np.full(len(FIXED_MS), 1 / len(FIXED_MS)))

    def draw_rows(self, stage, length, start, count):
        """`count` numbers below `length`."""
        if self.numbers is None:
            # Narrow integers are the quickest to draw.
            self.rows[:count] = self.rng.integers(length, size=count, dtype=np.uint16)
            return self.rows[:count]
        key = stage, start, length
        if key not in self.kept_rows:
            scaled = self.numbers[stage, start:start + count] * np.uint32(length) >> np.uint32(BITS)
            self.kept_rows[key] = scaled.astype(np.intp)
        return self.kept_rows[key]

    def networks(self, stages, resolution, start, count):
        """Rows (latency, loss) of `count` networks, without the fixed part; the next draw overwrites them."""
        term, total = self.term[:count], self.total[:count]
        for stage, sides in enumerate(stages):
            table = sides[resolution]
            rows = self.draw_rows(stage, len(table), start, count)
            table.take(rows, axis=0, out=term if stage else total, mode="clip")
            if stage:
                total += term
        return total

    def score(self, space):
        """The sum of the scores of `space` at each limit."""
        stages = stages_of(self.tables, space)
        counts = self.draw_counts() if self.counts is None else self.counts
        losses = [[] for _ in LIMITS_MS]
        start = 0
        for resolution, (count, fixed) in enumerate(zip(counts.tolist(), FIXED_MS.values(), strict=True)):
            networks = self.networks(stages, resolution, start, count)
            for within, limit in zip(losses, LIMITS_MS, strict=True):
                within.append(networks[:, 1].compress(networks[:, 0] <= np.float32(limit - fixed)))
            start += count
        return sum(score_of(np.concatenate(within)) for within in losses)


def main():
    arguments = parser(__doc__)
    arguments.add_argument("--kept", action="store_true", help="draw the random numbers once, for all spaces")
    args = arguments.parse_args()
    rows = read_tables(args.folder)
    tables = {key: [np.array(side, dtype=np.float32) for side in sides] for key, sides in rows.items()}
    rng = np.random.Generator(np.random.SFC64(args.seed))
    time_scores(args, tables, Scorer(tables, rng, args.kept).score, rng)


if __name__ == "__main__":
    main()
