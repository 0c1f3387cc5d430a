"""What failed or never ran in a probe, and unittest does not hear of."""
