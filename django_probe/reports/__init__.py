"""Makes what people and machines read about a run: each report is a pure function of a `ProbeRun`."""


class ReportError(Exception):
    """A report cannot be made of a run; one sentence says why. It never changes the verdict."""
