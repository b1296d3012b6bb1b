"""The KPI engine: pure functions on columns, the same for tile, API, report and lab.

- `expression`, `indicator`, `iso22400`, `formulas`, `explain`: figures that can account for themselves
- `spans`, `steps`, `states`, `counters`: samples as time and as increments
- `time_model`, `station`, `stations`, `oee`: what a machine or a serial line did, as sums
- `losses`, `reliability`, `annotations`, `loss_reasons`: where the time went, and what people say about it
- `output`, `energy`, `latency`, `delays`: pieces, kWh and milliseconds
- `quality`, `spc`, `runs`, `capability`, `confusion`, `intervals`: pieces, charts, and what a sample can show
- `energy_states`, `demand`, `carbon`: kWh by state and product, peaks, cost, standard coal and CO₂
- `network`, `floor`, `link_events`, `link_stops`: an application's view of its link, where, and which stops it caused
- `transport`, `material`: vehicles' time and the truth of records
- `radio_map`, `stock_book`, `hand_overs`, `tracing`: where a link is good, what is where, what passed and when
- `alarms`, `warning`, `wear`: states of ISA-18.2, and what announces itself before it fails
- `catalogue`: the formulas of all these, as data
- `unit`: what a device, line or scene did, and how it adds up
- `details`, `device_details`, `detail_figures`: what lies behind the figures, as sums that add up with them
- `readings`, `scene`, `studies`, `charting`: one reading of the store, every figure of a scene, what does not add
- `settings`, `rules`: prices, tolerances and agreements, as the configuration says them
- `shift_results`, `revision`, `late_data`: what closed shifts came to, and why it changed

A store is known by its port alone, and a clock only where it says when something was computed.
"""
