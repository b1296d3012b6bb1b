"""What plant models are made of.

    Floor ── one SimPy environment, one time, one seed
      ├─ SignalTable   what the plant's instruments show        (faces and recorders read it)
      ├─ Truth         what really happens                      (nobody's telemetry)
      ├─ Crew          people who respond, repair and set up
      └─ Station ── Machine (PackML state, meter)
             └─ Buffer → Station → Buffer …

Model time is seconds since the floor's start; signals carry it as ns UTC.
"""
