"""What runs in the command's own process: hires workers, keeps time and the book, and never imports probe code."""
