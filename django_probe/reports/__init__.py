"""What a person or a machine reads of a run: each report is a pure function of a `ProbeRun`."""


class ReportError(Exception):
    """A report could not be made of a run; one sentence says why. It never changes the verdict."""
