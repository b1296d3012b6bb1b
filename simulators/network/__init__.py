"""A network that causes what it causes: one profile drives models, statistics and live links.

- `quantiles`, `law`: published percentiles, and the fit that makes a link reproduce them
- `channel`: one direction as a function of time; `floor`: what the place does to it
- `link`: what a model asks: how long does this message take, does it arrive
- `delay_line`, `relay`, `tunnel`: the same link applied to live UDP, TCP and IP traffic
- `table`: how well each profile reproduces its source
"""

from simulators.network.link import Direction, Link

__all__ = ["Direction", "Link"]
