"""What survives which fault: real processes, real faults, every sample numbered and counted.

    publisher ──▶ mosquitto ──▶ provenline edge ──▶ provenline serve ──▶ store
     0, 1, 2 …      acknowledges    (outbox)             │
        └─────────── compared with ──────────────────────┘

`python -m tests.survival` runs every fault at length and writes the table of
`docs/reliability.md`; the tests here run each of them for a few seconds.
"""
