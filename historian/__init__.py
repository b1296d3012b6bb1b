"""Where samples are kept and found again.

`port` is the contract; `embedded` (SQLite log sealed into Parquet segments) and `influxdb`
implement it; `live` holds the newest value of every tag and fans changes out to viewers.
"""
