"""Messages as processes wait for them: sent across a link, and again as long as the link is cut."""

from __future__ import annotations

from simulators.kernel.floor import Floor, Steps
from simulators.network import Direction, Link

_RETRY, _LONGEST_RETRY = 0.2, 60.0  # s: TCP's least retransmission time-out, and RFC 6298's cap


def carried(floor: Floor, link: Link, octets: int, direction: Direction) -> Steps:
    """Wait until a message has crossed a link.

    A cut is looked at anew at every try, so its end is met whenever it comes; `Link.delivery`
    alone has to say in advance how long a message takes.
    """
    wait = _RETRY
    while link.cut(floor.now()):
        yield floor.env.timeout(wait)
        wait = min(2 * wait, _LONGEST_RETRY)
    yield floor.env.timeout(link.delivery(floor.now(), octets, direction))
