"""Where Django looks for `manage.py probe`, which is in `management.command`.

Garbage is not collected meanwhile: the engine is a tenth of what is loaded by now, and a collection of all of it, which
would find nothing, takes as long as all these imports.
"""

from django_probe.management.uncollected import uncollected

with uncollected():
    from django_probe.management.command import Command

__all__ = ["Command"]
