"""What code changes in its process and forgets: seen after each probe, and after each import of a probes module."""
