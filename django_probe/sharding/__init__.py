"""Runs in several parts: how a selection is cut, and how one record is made of theirs."""
