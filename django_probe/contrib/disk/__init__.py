"""Probes of the disks that a Django system writes to."""
