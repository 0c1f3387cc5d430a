"""Finds the probes of the installed apps, and decides which of them run and on what terms."""
