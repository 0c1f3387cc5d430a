"""The command `manage.py probe`."""
