"""Programs that this project did not write and that judge it: servers, brokers, clients."""
