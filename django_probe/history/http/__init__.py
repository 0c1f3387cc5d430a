"""Answers requests about runs and gates: who may ask, in which format, and what is answered."""
