"""What the checks of a policy need before any of them runs: their app, databases, and the libraries of the chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.apps import apps
from django.db import connections

from django_probe.naming.names import nearest
from django_probe.policy.gates import PolicyError
from django_probe.process.environment import hide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.policy.gates import Policy

_NAME: Final = "django_probe.contrib.checks"
PRELOAD: Final = "__probe_preload__"
"""The class method that imports what the probes of a class will need, and looks at what they are told to ask."""


def prepare(policy: Policy) -> None:
    """Let the variables that checks take secrets from be secrets.

    Raise PolicyError where nothing installed runs them, or DATABASES lacks what they ask.
    """
    if not policy.checks:
        return
    from django_probe.policy.declared.check import APP  # noqa: PLC0415 (a policy without checks need not pay for it)
    from django_probe.policy.declared.secrets import secret_names  # noqa: PLC0415 (as above)

    hide(secret_names(policy.checks))
    if apps.is_installed(_NAME):
        _need_databases(policy)
        return
    taken = next((config.name for config in apps.get_app_configs() if config.label == APP), None)
    if taken:
        raise PolicyError(
            f'{policy.source}: checks: the app {taken} has the label "{APP}", with which the labels of declared checks '
            f"begin; give it another label, and add {_NAME} to INSTALLED_APPS"
        )
    raise PolicyError(f"{policy.source}: checks: nothing runs them; add {_NAME} to INSTALLED_APPS")


def _need_databases(policy: Policy) -> None:
    for check in policy.checks:
        alias = check.get("database")
        if alias and alias not in (known := list(connections)):
            raise PolicyError(
                f"{policy.source}: {check.where}.database: DATABASES has no {alias!r}, but {', '.join(known)}"
                f"{nearest(alias, known)}"
            )


def preload(classes: Iterable[type]) -> None:
    """Import what the probes of these classes need, before processes are forked that would each import it.

    Raise PolicyError where the policy tells them to ask what cannot be asked. The URLconf has to be loaded.
    """
    for cls in classes:
        if any(PRELOAD in vars(base) for base in cls.__mro__):  # to ask for it would run code of the project's class
            getattr(cls, PRELOAD)()
