"""What `manage.py probe_suggest` finds out of a project, and the policy that it makes of that."""
