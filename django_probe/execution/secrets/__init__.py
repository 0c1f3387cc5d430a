"""Takes secrets out of what probes say: which texts are some, and how they are masked."""
