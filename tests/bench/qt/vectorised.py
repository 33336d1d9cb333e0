"""The Q-T score of a search space in plain, well vectorised NumPy: the generator's usual integers, an array a figure, masks.

    python3 vectorised.py FOLDER [--space CODE] [--repeat R] [--search N] [--seed SEED]
"""

import numpy as np
from common import FIXED_MS, GROUP, LIMITS_MS, SAMPLES, parser, read_tables, score_of, stages_of, time_scores


def score(tables, space, rng):
    """The sum of the scores at each limit. All limits are read from one draw."""
    stages = stages_of(tables, space)
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
    latency, loss = np.concatenate(latencies), np.concatenate(losses)
    return sum(score_of(loss[latency <= limit]) for limit in LIMITS_MS)


def main():
    args = parser(__doc__).parse_args()
    rows = read_tables(args.folder)
    # For each resolution one array of latencies and one of losses.
    tables = {key: [np.array(side).T.copy() for side in sides] for key, sides in rows.items()}
    rng = np.random.default_rng(args.seed)
    time_scores(args, tables, lambda space: score(tables, space, rng), rng)


if __name__ == "__main__":
    main()
