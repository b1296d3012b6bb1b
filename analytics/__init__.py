"""The KPI engine: pure functions on columns, the same for tile, API, report and lab.

- `expression`, `indicator`, `iso22400`, `formulas`, `explain`: figures that can account for themselves
- `spans`, `steps`, `states`, `counters`: samples as time and as increments
- `time_model`, `station`, `stations`, `oee`: what a machine or a serial line did, as sums
- `losses`, `reliability`, `annotations`: where the time went, and what people say about it
- `output`, `energy`, `latency`, `delays`: pieces, kWh and milliseconds
- `unit`: what a device, line or scene did, and how it adds up
- `readings`, `scene`: one reading of the historian, every figure of a scene

Only `readings` and `scene` know the historian; nothing here knows a clock.
"""
