"""Documentation is held to what it says."""
