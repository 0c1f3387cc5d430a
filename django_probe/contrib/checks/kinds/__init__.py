"""The kinds of checks: a module each, with a function `run` that raises what is wrong."""
