"""The checks that a policy declares: what they are, and how they are read; `django_probe.contrib.checks` runs them."""
