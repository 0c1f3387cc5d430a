"""The judge's holds on the other processes of a run: the loader, the workers and the guardian."""
