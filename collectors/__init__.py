"""Adapters that read devices: one `Source` per connection, nothing shared between protocols.

`source` is the port. `opcua`, `modbus`, `mqtt`, `stamp` and `replay` implement it; each
parses its addresses, decodes purely (bytes in, columns out) and does its own I/O, and none
of them knows about retries, storage or the other protocols.
"""
