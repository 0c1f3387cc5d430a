"""Where Django looks for `manage.py probe`, which is in `management.command`.

Garbage is not collected meanwhile. The engine is a tenth of what is loaded by now; to look through all of that finds
nothing, and takes half the time of these imports. Where the process is the command's, it is not looked at again.
"""

import gc
import sys

from django_probe.management.uncollected import uncollected

with uncollected():
    from django_probe.management.command import Command

    if sys.argv[1:2] == ["probe"]:
        gc.freeze()

__all__ = ["Command"]
