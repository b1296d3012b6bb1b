"""Alarms after ISA-18.2 / IEC 62682: what raises one, what may be done with it, and how well the system alarms.

- `conditions`: samples, figures and control charts as marks: raise, clear, or no opinion
- `detection`: marks with on and off delay as transitions of the condition
- `states`: the state machine of one alarm, and its events
- `desk`: all alarms of a plant with their append-only history
- `performance`: alarms per operator hour, floods, stale and frequent alarms

Everything is pure and takes time as a parameter; nothing here waits or knows a clock.
"""
