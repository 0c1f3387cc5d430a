#!/usr/bin/env python
"""The management commands of the container's project, from any working directory."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command. If the environment is wrong, write one line to standard error and exit with 2."""
    here = Path(__file__).resolve().parent
    # Python puts the folder of a script first (with -I it does not). Its modules would then be top-level names.
    sys.path[:] = [str(here.parent), *(entry for entry in sys.path if Path(entry).resolve() != here)]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")

    # These imports need the path that was set above.
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    from deploy import history  # noqa: PLC0415
    from django_probe.contrib.http import configuration  # noqa: PLC0415
    from django_probe.errors import UsageError  # noqa: PLC0415
    from django_probe.http import release  # noqa: PLC0415
    from django_probe.process import handshake  # noqa: PLC0415

    try:
        # The first setting that is read loads them all. If that failed inside Django's own command, it
        # would go on without settings, and would not know `probe`.
        configuration.targets()
        configuration.timeout()
        release.of_the_run()
        history.check_tokens()
    except (UsageError, ImproperlyConfigured) as error:
        if line := handshake.take():  # the supervisor of a gate: without a word it would take this for a crash
            line.refused()
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
