"""The plant's vocabulary: what every other package speaks and none of them defines again.

- `tags`, `assets`: what is measured, on which device, in which line, scene and site
- `batch`, `quality`: samples in columns, and how far to trust them
- `packml`, `calendar`: machine states and planned time
- `units`, `text`, `clock`: UCUM units, bilingual texts, injected time
- `wire`: batches as InfluxDB line protocol
- `errors`: what can go wrong, by what the caller may do about it

Imports nothing of ours, and of other people's only NumPy.
"""
