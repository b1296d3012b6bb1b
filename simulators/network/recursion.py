"""The first-order autoregression behind every correlated delay, over a whole column at once.

A recursion is a sum of ever older noise, and such sums are doubled: after n rounds each state
holds the last 2^n noises. Rounds end where what is older no longer counts. (SciPy's filter for
this takes two seconds to import, which every line and every past of one would wait for.)
"""

from __future__ import annotations

import numpy as np

from plant.batch import Floats

_FORGOTTEN = 1e-18  # less than the rounding of a sum


def autoregression(noise: Floats, rho: float) -> Floats:
    """Return x[i] = rho x[i-1] + sqrt(1 - rho²) noise[i] for i > 0, where x[0] = noise[0]; unit variance."""
    states = np.sqrt(1 - rho * rho) * noise
    states[0] = noise[0]
    reach, weight = 1, rho
    while reach < len(states) and abs(weight) > _FORGOTTEN:
        states[reach:] += weight * states[:-reach].copy()
        reach, weight = 2 * reach, weight * weight
    result: Floats = states[1:]
    return result
