"""Delivers what is due in the outbox: by apprise, or to a webhook."""
