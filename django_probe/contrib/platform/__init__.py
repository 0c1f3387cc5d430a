"""Probes of what a Django system stands on: databases, migrations, caches, storage, mail, its own checks."""
