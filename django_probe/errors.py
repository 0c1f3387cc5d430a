"""What nothing can run for: a mistake of the user's, or a machine without processes."""


class UsageError(Exception):
    """Something was asked for that cannot be done; the message says what, where, and what to do: exit code 2."""


class NotStartedError(Exception):
    """No process could be started for the probes; the message says why. The gate is closed."""
