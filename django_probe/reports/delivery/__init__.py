"""Where reports go: which were asked for, and how they get to files and streams."""
