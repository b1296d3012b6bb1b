"""The centre's face: REST, WebSocket and the InfluxDB write endpoint, and the pages built from web/.

`centre` is what the routes work on; `app` puts them together; each other module is one
group of routes. Nothing is computed here: values come from the historian, figures from
analytics.
"""
