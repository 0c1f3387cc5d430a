"""What a person reads at a terminal, while a gate runs and when it is done."""
