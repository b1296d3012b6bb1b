"""The product as a user runs it: real processes, real devices, real faults."""
