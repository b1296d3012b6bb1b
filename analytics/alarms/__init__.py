"""Alarms after ISA-18.2 / IEC 62682: what raises one, what may be done with it, and how well the system alarms.

- `conditions`: samples, figures and control charts as marks: raise, clear, or no opinion
- `detection`: marks with on and off delay as transitions of the condition
- `states`: the state machine of one alarm, and its events
- `desk`: all alarms of a plant with their append-only history
- `performance`: alarms per operator hour, floods, stale and frequent alarms

All this is pure and takes time as a parameter. What runs in a plant stands on it:

- `rules`, `plan`: an alarm complete with what it watches, from the configuration
- `watch`: every condition followed as data arrives, with the little it must remember
- `log`: transitions and what people did, on the disk, only ever added to
- `flood`: a flood noticed while it happens
- `annunciator`: data, people and log brought together, for any thread
- `watching`: the beat that keeps it going, and the figures it watches
"""
