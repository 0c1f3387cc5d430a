"""The names that users write, and what somebody may have meant who wrote another."""
