"""What the engine asks of the operating system: forks, signals, the ends of children, and stacks of what hangs."""
