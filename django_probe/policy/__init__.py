"""What a policy file says: its gates, the checks that it declares, and whom it has told."""
