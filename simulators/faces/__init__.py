"""Protocol faces: what a model's devices look like from the network.

`layout` is data: which signal lives at which node, register or topic, and how it is coded
there. `opcua`, `modbus` and `mqtt` serve a layout; `registers` codes values for Modbus;
`broker` is an MQTT broker for those who have none.
"""
