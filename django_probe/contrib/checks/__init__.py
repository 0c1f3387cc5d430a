"""Probes without Python: the `checks` of the policy file, each an ordinary probe `checks.<kind>.<name>`."""
