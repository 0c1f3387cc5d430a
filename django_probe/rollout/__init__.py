"""`django-probe rollout -- helm …`: runs Helm, follows the gate, and believes in a release only if its gate ran.

It needs no Django and nothing of the project: only Helm and kubectl, with the rights to read Jobs, pods, their logs
and events.
"""
