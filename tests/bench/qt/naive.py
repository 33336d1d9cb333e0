"""The Q-T score of a search space as one would first write it in Python with NumPy: draw, sort, average.

    python3 naive.py FOLDER [--space CODE] [--repeat R] [--search N] [--seed SEED]
"""

import bisect

import numpy as np
from common import FIXED_MS, GROUP, LIMITS_MS, SAMPLES, STAGES, TOP, limit_score, parser, read_tables, stages_of, time_scores


def draw_networks(tables, space, rng):
    """(latency, loss) of SAMPLES networks; GROUP of them share one resolution."""
    networks = []
    fixed = list(FIXED_MS.values())
    for _ in range(SAMPLES // GROUP):
        resolution = int(rng.integers(len(fixed)))
        drawn = []
        for sides in stages_of(tables, space):
            rows = sides[resolution]
            drawn.append([rows[i] for i in rng.integers(len(rows), size=GROUP)])
        for i in range(GROUP):
            latency = fixed[resolution]
            loss = 0.0
            for stage in range(STAGES):
                latency += drawn[stage][i][0]
                loss += drawn[stage][i][1]
            networks.append((latency, loss))
    return networks


def score_at(tables, space, limit_ms, rng):
    """The score at one latency limit."""
    networks = draw_networks(tables, space, rng)
    networks.sort(key=lambda network: network[0])
    end = bisect.bisect_right(networks, limit_ms, key=lambda network: network[0])
    if end == 0:
        return limit_score(0.0, 1e5)
    losses = sorted(loss for _, loss in networks[:end])[:TOP]
    return limit_score(end / SAMPLES, sum(losses) / (len(losses) + 1e-5))


def score(tables, space, rng):
    """The sum of the scores at each limit; every limit has its own draws."""
    return sum(score_at(tables, space, limit_ms, rng) for limit_ms in LIMITS_MS)


def main():
    args = parser(__doc__).parse_args()
    tables = read_tables(args.folder)
    rng = np.random.default_rng(args.seed)
    time_scores(args, tables, lambda space: score(tables, space, rng), rng)


if __name__ == "__main__":
    main()
