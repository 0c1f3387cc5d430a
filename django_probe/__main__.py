"""`django-probe`, and `python -m django_probe`: what needs no Django to begin with."""

from __future__ import annotations

import os
import sys
from typing import Final

import django_probe
from django_probe.reports.delivery.files import settle
from django_probe.reports.delivery.streams import say

USAGE: Final = """\
usage: django-probe probe [option ...] [label ...]
       django-probe rollout [option ...] -- helm upgrade …
       django-probe collect [option ...] [LOG ...]
       django-probe render RECORD [option ...]
       django-probe policy check FILE ...
       django-probe suggest [option ...]
       django-probe --version

probe    run the probes of a gate, as `manage.py probe` does, and judge how that command ends
rollout  run Helm, follow the gate of the release, and believe in no success without it
collect  take reports out of the logs of gates
render   make other reports of a JSON record
policy   check policy files, without settings
suggest  print a policy for a project, as `manage.py probe_suggest` does, and nothing else

`django-probe probe --help`, and so on, say more.
"""
_COMMANDS: Final = ("probe", "rollout", "collect", "render", "policy", "suggest")


def main() -> None:
    """Do what the first argument names, and end with its exit code."""
    match sys.argv[1:]:
        case ["probe", *arguments]:
            from django_probe.supervisor.main import probe  # noqa: PLC0415 (each is another program)

            code = probe(arguments)
            for stream in (sys.stdout, sys.stderr):
                settle(stream)
            os._exit(code)  # whatever the environment makes Python do at its end, this is the exit code
        case ["rollout", *arguments]:
            from django_probe.rollout.main import rollout  # noqa: PLC0415 (as above)

            sys.exit(rollout(arguments))
        case ["collect", *arguments]:
            from django_probe.collect import main as collect  # noqa: PLC0415 (as above)

            sys.exit(collect(arguments))
        case ["render", *arguments]:
            from django_probe.programs.render import main as render  # noqa: PLC0415 (as above)

            sys.exit(render(arguments))
        case ["policy", *arguments]:
            from django_probe.programs.policy_check import main as policy  # noqa: PLC0415 (as above)

            sys.exit(policy(arguments))
        case ["suggest", *arguments]:
            from django_probe.supervisor.suggestion import suggest  # noqa: PLC0415 (as above)

            sys.exit(suggest(arguments))
        case ["-h" | "--help"]:
            sys.stdout.write(USAGE)
        case ["--version"]:
            sys.stdout.write(f"django-probe {django_probe.__version__}\n")
        case unknown:
            from django_probe.naming.names import nearest  # noqa: PLC0415 (no command needs it)

            wrong = [f'\ndjango-probe: error: no command "{name}"{nearest(name, _COMMANDS)}' for name in unknown[:1]]
            say("".join([USAGE.removesuffix("\n"), *wrong]))
            sys.exit(2)


if __name__ == "__main__":
    main()
