"""Ready-made probes that a team installs as apps."""
