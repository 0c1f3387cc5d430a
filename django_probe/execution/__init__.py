"""How a gate is run: a judge, the process that loads the probes, and the workers that it forks."""
