"""The kinds of checks: a module each, with a function `run` that gives the seconds it took, or raises what is wrong."""
