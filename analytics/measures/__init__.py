"""Measures: the inputs of acceptance clauses, each computed for one window from telemetry alone.

A measure asks a scene's devices for roles, as every figure here does, and returns a
`Measurement`: an explained indicator of the window together with the sums, trials or samples
that a statistic over many windows needs. `catalogue.MEASURES` lists them by id.
"""
