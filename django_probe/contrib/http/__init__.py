"""Probes of what users reach: the URLs in PROBE_TARGETS, over the network, as the new release."""
