"""What a person or a machine reads of a run: each report is a pure function of a `ProbeRun`."""
