"""The Q-T score of a search space in plain, well vectorised NumPy: the generator's usual integers, an array a figure, masks.

    python3 vectorised.py FOLDER [--space CODE] [--repeat R] [--search N] [--seed SEED]
"""

import numpy as np
from common import FIXED_MS, GROUP, LIMITS_MS, SAMPLES, parser, read_tables, score_of, stages_of, time_scores


def draw_networks(stages, rng):
    """Latencies and losses of SAMPLES networks; GROUP of them share one resolution."""
    groups = rng.integers(len(FIXED_MS), size=SAMPLES // GROUP)
    latencies, losses = [], []
    for resolution, fixed in enumerate(FIXED_MS.values()):
        count = GROUP * int((groups == resolution).sum())
        latency, loss = np.full(count, fixed), np.zeros(count)
        for sides in stages:
            row_latency, row_loss = sides[resolution]
            rows = rng.integers(len(row_loss), size=count)
            latency += row_latency[rows]
            loss += row_loss[rows]
        latencies.append(latency)
        losses.append(loss)
    return np.concatenate(latencies), np.concatenate(losses)


def score_at(stages, limit_ms, rng):
    """The score at one latency limit."""
    latency, loss = draw_networks(stages, rng)
    return score_of(loss[latency <= limit_ms])


def score(tables, space, rng):
    """The sum of the scores at each limit; every limit has its own draws, as in the reference."""
    stages = stages_of(tables, space)
    return sum(score_at(stages, limit_ms, rng) for limit_ms in LIMITS_MS)


def main():
    args = parser(__doc__).parse_args()
    rows = read_tables(args.folder)
    # For each resolution one array of latencies and one of losses.
    tables = {key: [np.array(side).T.copy() for side in sides] for key, sides in rows.items()}
    rng = np.random.default_rng(args.seed)
    time_scores(args, tables, lambda space: score(tables, space, rng), rng)


if __name__ == "__main__":
    main()
