"""The probe of Django's system checks."""

from __future__ import annotations

import textwrap

import pytest

FINDS = "probe_platform.TestChecks.test_deploy_finds_no_error"


@pytest.fixture
def platform(platform):
    """The project with the ready-made probes, and an app with checks of its own."""
    platform.app("shop")
    platform.write(
        "shop/apps.py",
        """
        from django.apps import AppConfig
        class ShopConfig(AppConfig):
            name = "shop"
            def ready(self):
                import shop.checks
        """,
    )
    return platform


def checks(project, text):
    """Write the app's checks."""
    project.write("shop/checks.py", "from django.core.checks import Critical, Error, Warning, register\n")
    with (project.path / "shop/checks.py").open("a", encoding="utf-8") as file:
        file.write(textwrap.dedent(text))


def test_checks__no_error(platform, outcome):
    """Warnings, of which `check --deploy` has some for every project, are no problem."""
    checks(
        platform,
        """
        @register("shop")
        def prices(app_configs, **kwargs):
            return [Warning("dear", id="shop.W001")]
        """,
    )

    assert outcome(FINDS)["outcome"] == "passed"


def test_checks__errors_warn_only(platform, outcome):
    """Errors, those of deploy checks too, are listed with their hints, and do not close the gate."""
    checks(
        platform,
        """
        @register("shop")
        def prices(app_configs, **kwargs):
            return [Error("no prices", hint="load them", id="shop.E001")]
        @register(deploy=True)
        def tills(app_configs, **kwargs):
            return [Critical("no tills", id="shop.C001")]
        """,
    )

    result = outcome(FINDS)

    assert (result["outcome"], result["blocking"]) == ("failed", False)
    assert '"manage.py check --deploy" finds 2 of level ERROR' in result["details"]
    assert "(shop.E001) no prices" in result["details"]
    assert "HINT: load them" in result["details"]
    assert "(shop.C001) no tills" in result["details"]


def test_checks__silenced(platform, outcome):
    """What SILENCED_SYSTEM_CHECKS names is silent here too."""
    checks(
        platform,
        """
        @register("shop")
        def prices(app_configs, **kwargs):
            return [Error("no prices", id="shop.E001")]
        """,
    )
    platform.configure('SILENCED_SYSTEM_CHECKS = ["shop.E001"]')

    assert outcome(FINDS)["outcome"] == "passed"


def test_checks__not_those_of_probes(platform, outcome):
    """Checks tagged "probes" look at the probes themselves and are not called from one."""
    checks(
        platform,
        """
        @register("probes", deploy=True)
        def prices(app_configs, **kwargs):
            raise RuntimeError("called")
        """,
    )

    assert outcome(FINDS)["outcome"] == "passed"
