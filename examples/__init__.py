"""What the documents show at work: a shop that `make gate` probes, and a chart of an app's own."""
