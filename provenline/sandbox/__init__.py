"""Sandboxes: a whole provenline of their own for people who learn on it, each in a process of its own.

    centre's process                       sandbox's process (forked from a fork server, everything imported)
    ────────────────                       ─────────────────────────────────────────────────────────────────
    sandboxes  ── pipe: apply, judge ───▶  child ── line       the simulated scene, with its past, behind servers
                                             │      wire       a tap in front of each server
    proxy ──── Unix socket: HTTP, live ──▶   └──── workplace  edge, store, alarms, application, as configured

What really happens (the truth record, hidden faults) stays in the child and is asked for over
the pipe alone; no route of any application leads to it.

`order`: what a sandbox is made of · `restrictions`: what a trainee's configuration may be ·
`lent`: what lies beside it · `truth`, `observation`: what checks may look at · `decoding`: wire messages for people ·
`limits`: what a child may use up · `rooms`: the children, as the centre sees them
"""
