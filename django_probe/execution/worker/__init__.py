"""What runs in the processes that load probes and run them, one at a time."""
