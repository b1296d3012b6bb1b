"""Plants that do not exist, behind protocol servers that do.

- `kernel`: the vocabulary of plant models: stations, buffers, crews, PackML machines, signals
- `scenes`: one model per demonstration scene, composed from the kernel
- `faces`: OPC UA, Modbus and MQTT in front of a model, as real servers on real sockets
- `faults`, `truth`: what was broken on purpose, and what really happened
- `running`: the same model live behind its faces, or in virtual time as fast as it goes

A model writes signals; a face serves them; nobody outside sees the truth record except
tests and graders, which get it from the simulator and never through telemetry.
"""
