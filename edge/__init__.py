"""From sources to the centre: nothing acknowledged is lost, nothing silent looks alive.

    source ─▶ supervisor ─▶ filters ─▶ outbox (durable) ─▶ uplink ─▶ centre

`supervisor` owns retry and silence; `filters` decide what is worth recording and mark what
is out of range; `outbox` is a durable queue with group commit; `uplink` delivers and only
then forgets; `edge` wires one of each per source together.
"""
