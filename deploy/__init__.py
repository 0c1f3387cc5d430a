"""The container's Django project: settings from the environment, probes from the folders of PROBE_PATH."""
