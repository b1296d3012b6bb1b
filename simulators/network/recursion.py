"""The first-order autoregression behind every correlated delay, over a whole column at once.

`scipy.signal` takes seconds to import, so it is imported when a network is first used: a
line without one shall not wait for it.
"""

from __future__ import annotations

import numpy as np

from plant.batch import Floats


def autoregression(noise: Floats, rho: float) -> Floats:
    """Return x[i] = rho x[i-1] + sqrt(1 - rho²) noise[i] for i > 0, where x[0] = noise[0]; unit variance."""
    from scipy.signal import lfilter  # noqa: PLC0415 - see above

    states, _ = lfilter([np.sqrt(1 - rho * rho)], [1, -rho], noise[1:], zi=rho * noise[:1])
    result: Floats = states
    return result
