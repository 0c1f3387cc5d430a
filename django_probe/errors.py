"""What is the user's to mend: one clear line, exit code 2, and nothing ran."""


class UsageError(Exception):
    """Something was asked for that cannot be done; the message says what, where, and what to do."""
