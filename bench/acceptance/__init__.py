"""What `bench.acceptance_statistics` draws and compares with."""
