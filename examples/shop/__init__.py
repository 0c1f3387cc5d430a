"""A shop of one page: an app with a model, a view, and two probes."""
