"""Probes of the search engines that a Django system asks."""
