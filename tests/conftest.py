"""Fixtures that every test may use: a Django project on disk, and the command as a real subprocess."""

from __future__ import annotations

import compileall
import json
import os
import signal
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import servers, warm

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).resolve().parent.parent

MANAGE = """\
import os, sys
if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""

SETTINGS = """\
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY = "not-a-secret-of-anybody-0123456789"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django_probe", {apps}]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}}}
USE_TZ = True
ROOT_URLCONF = "site_urls"
"""


@dataclass
class Completed:
    """What a finished command left behind."""

    code: int
    out: str
    err: str


@dataclass
class Project:
    """A Django project in a folder: write files, run its commands."""

    path: Path
    apps: list[str] = field(default_factory=list)
    settings: str = ""
    cold: bool = False
    """Whether its commands start from nothing, as they do for a user; else see tests/warm.py."""

    def write(self, name: str, text: str) -> Path:
        """Write a dedented file; an app's folder becomes an installed app."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")
        return target

    def app(self, label: str, probes: str | dict[str, str] | None = None) -> None:
        """Add an installed app whose probes module is `probes`, or whose probes package has these files."""
        self.write(f"{label}/__init__.py", "")
        if isinstance(probes, dict):
            self.write(f"{label}/probes/__init__.py", "")
            for name, text in probes.items():
                self.write(f"{label}/probes/{name}", text)
        elif probes is not None:
            self.write(f"{label}/probes.py", probes)
        if label not in self.apps:
            self.apps.append(label)
        self.configure()

    def configure(self, more: str = "") -> None:
        """Write the settings anew, with `more` lines at their end from now on."""
        self.settings += textwrap.dedent(more)
        apps = ", ".join(repr(app) for app in self.apps)
        (self.path / "site_settings.py").write_text(SETTINGS.format(apps=apps) + self.settings, encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `manage.py` with these arguments."""
        return [sys.executable, str(self.path / "manage.py"), *map(str, arguments)]

    def environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """Return the environment of the commands: nothing of ours leaks into it but the path.

        They write no bytecode: a file that is written twice within a second would be run as it was at first.
        """
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PROBE_", "DJANGO_", "PYTEST_", "PYTHON"))
            and name not in ("NO_COLOR", "FORCE_COLOR")
        }
        return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **(extra or {})}

    def run(self, *arguments: str, env: dict[str, str] | None = None, timeout: float = 90) -> Completed:
        """Run `manage.py` as a user would."""
        start = warm.cold if self.cold else warm.run
        done = start(self.command(*arguments), cwd=self.path, env=self.environment(env), timeout=timeout)
        return Completed(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )

    def start(
        self, *arguments: str, env: dict[str, str] | None = None, stdout: int | None = None, stderr: int | None = None
    ) -> warm.Started | subprocess.Popen[bytes]:
        """Start `manage.py` and go on; the caller waits for it."""
        environment = self.environment(env)
        return warm.piped(self.command(*arguments), cwd=self.path, env=environment, stdout=stdout, stderr=stderr)

    def probe(self, *arguments: str, env: dict[str, str] | None = None, timeout: float = 90) -> Completed:
        """Run `manage.py probe`."""
        return self.run("probe", *arguments, env=env, timeout=timeout)

    def record(self, *arguments: str, env: dict[str, str] | None = None) -> tuple[Completed, dict]:
        """Run `manage.py probe` and give its JSON record too."""
        target = self.path / "record.json"
        done = self.probe(*arguments, "--json", str(target), env=env)
        assert target.exists(), f"no record; exit {done.code}\n{done.err}"
        return done, json.loads(target.read_text(encoding="utf-8"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty Django project with django_probe installed and a SQLite database."""
    made = Project(tmp_path / "site")
    made.write("manage.py", MANAGE)
    made.write("site_urls.py", "urlpatterns = []\n")
    made.configure()
    return made


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL of the tests' own."""
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def bouncer(postgres):
    """A PgBouncer in transaction mode before that PostgreSQL, with one connection to share."""
    with servers.pgbouncer(postgres) as server:
        yield server


# What is no Python's and no Django's is for one environment, the newer: browsers, the bench, what the docs say, types.
# Nor does a Python or a Django change the example, what is packed, or how a log is read, which imports neither.
_ONE_END = (
    "contrib/test_celery.py",
    "contrib/test_channels.py",
    "contrib/test_disk.py",
    "contrib/test_redis.py",
    "contrib/test_search.py",
    "supervisor/test_suggestion.py",
    "test_suggest.py",
    "contrib/test_staticfiles.py",
    "test_api.py",
    "test_assertions.py",
    "test_attachments.py",
    "test_bench.py",
    "test_collect.py",
    "test_docs.py",
    "test_examples.py",
    "test_packaging.py",
    "test_papers.py",
    "programs/test_policy_check.py",
    "test_run.py",
    "test_site.py",
)
# Neither does one change what is chosen of what was loaded, how a policy is read, what the judge keeps account of, how
# `django-probe` finds a project, and what HTTP servers make of us, which are the same on both ends.
_ONE_END += (
    "contrib/test_http_probes.py",
    "execution/judge/test_ledger.py",
    "execution/loading/test_choices.py",
    "execution/loading/test_selection.py",
    "management/test_listing.py",
    "naming",
    "policy",
    "programs/test_render.py",
    "readiness/test_keeper.py",
    "server",
    "supervisor/test_application.py",
)
collect_ignore = list(_ONE_END) if sys.version_info < (3, 13) else []

# Of these files the older end runs only what another version might do otherwise. For the supervisor, which imports no
# Django, that is how Python ends, what it leaves open, who gets signals, and what it does where a standard stream is
# closed. For the pages of other projects it is Django's times, numbers and log-in. Of the migrations it is how Django
# reads and compares them; of what is loaded, how Python imports and what it says of an import that fails; of what is
# masked, how unittest shortens it; of readiness, how Django gets over a database that was gone. Of the judge it is how
# Python interrupts, forks and hears of signals; of a runner of a team's own, how a program that is none of ours uses it
# and ends. Of the pages' requests it is what Django and its servers make of bodies, methods, users and forms.
ALSO_ON_THE_OLDER_END = {
    "contrib/test_platform_migrations.py": {
        "test_migrations__applied",
        "test_migrations__unapplied_is_named",
        "test_migrations__never_migrated",
        "test_migrations__conflict",
        "test_migrations__squashed",
        "test_migrations__squashed_and_partly_applied",
        "test_models__change_without_a_migration",
    },
    "execution/guard/databases/test_postgresql_transactions.py": {
        "test_what_django_compiled_is_asked_when_it_commits",
        "test_what_only_reads_is_not_taken_for_a_write",
    },
    "execution/judge/test_judge.py": {
        "test_a_timeout_raises_in_the_probe_and_its_cleanups_run",
        "test_what_an_interrupt_does_not_end_is_killed",
        "test_the_deadline_ends_the_run",
        "test_parallel_probes_run_at_the_same_time",
        "test_a_runner_that_is_killed_closes_the_gate",
        "test_forks_that_fail_close_the_gate",
        "test_a_fork_that_fails_once_is_tried_again",
        "test_workers_that_are_forked_together_are_replaced_one_by_one",
        "test_more_workers_than_the_system_has_descriptors_for",
        "test_signals_that_the_project_handles_are_none_of_the_judge_s",
        "test_with_isolation_process_every_probe_has_a_process_of_its_own",
    },
    "execution/loading/test_discovery.py": {
        "test_list__every_probe_of_every_app_one_label_a_line",
        "test_run__every_probe_answers_under_its_own_label",
        "test_run__a_django_test_class_is_refused_before_any_of_it_runs",
        "test_run__a_module_that_does_not_load_closes_the_gate_and_the_others_run",
        "test_run__the_message_of_a_broken_module_names_it_and_the_reason",
        "test_run__the_traceback_of_an_import_shows_the_line",
    },
    "execution/secrets/test_redaction.py": {
        "test_no_secret_of_the_settings_is_in_a_report",
        "test_a_secret_that_an_assertion_shortened_does_not_leak",
    },
    "management/test_probe.py": {
        "test_exit_code__is_the_verdict",
        "test_exit_code__of_a_run_that_was_ended_by_a_signal",
        "test_exit_code__of_a_mistake_is_2_with_one_line",
        "test_reports__on_standard_output_are_alone_there",
        "test_console__on_a_terminal_shows_what_goes_on",
        "test_options__where_a_project_makes_the_parser",
    },
    "supervisor/test_main.py": {
        "test_probe__is_the_command",
        "test_probe__of_an_application_that_ends_python",
        "test_probe__of_settings_that_close_every_descriptor",
        "test_probe__under_warnings_as_errors",
        "test_stdout__closed_from_the_start",
        "test_exit_code__is_the_record_s",
        "test_exit_code__under_pythoninspect",
        "test_probe__that_hangs_when_all_is_said",
    },
    "supervisor/test_process.py": {
        "test_command__that_is_killed",
        "test_signal__is_passed_on",
        "test_signal__beside_threads_of_a_tracer",
        "test_terminal__ctrl_c_asks_once",
    },
    "history/http/test_views.py": {
        "test_everything__is_for_those_who_may",
        "test_body__of_unknown_length_is_refused",
        "test_head__has_no_body",
        "test_body__of_who_may_not_is_not_waited_for",
        "test_run__as_json_is_what_the_command_wrote",
        "test_anonymous__learn_ready_or_not_and_nothing_else",
        "test_user__starts_a_run_by_the_form_of_a_page",
        "test_flagger__opens_a_gate_by_what_it_posts",
        "test_middleware__answers_before_a_redirect_to_https",
    },
    "history/test_views_of_projects.py": {
        "test_login_wall__of_the_project_is_not_before_a_token",
        "test_project__without_sessions_and_users_has_tokens",
        "test_project__of_local_times_and_german_numbers_says_the_same",
        "test_lost_run__of_a_project_of_local_times_took_as_long_as_it_was_heard_of",
    },
    "readiness/test_threads.py": {
        "test_restarted__ready_comes_back",
        "test_requests__keep_their_connections",
        "test_threads__of_others_are_not_known",
    },
    "management/test_voice.py": {"test_report__to_standard_output_that_was_closed_is_exit_code_4_by_any_name"},
    "test_simple.py": {
        "test_run__what_breaks_in_an_override_closes_the_gate",
        "test_class__runs_without_the_command",
        "test_call_command__is_the_command_without_a_process",
        "test_signal__ends_an_override_that_hangs",
        "test_signal__after_the_verdict_changes_nothing",
        "test_signal__handlers_of_a_program_that_goes_on_are_its_own_again",
        "test_print__in_settings_does_not_change_the_exit_code",
    },
    "test_unittest_parity.py": {
        "test_own__every_outcome_is_counted_as_unittest_counts_it",
        "test_fixtures__a_setupclass_that_fails_or_skips_counts_for_every_probe_of_the_class",
    },
}


# The files that take longest, in this order before all others. The image is built in the first, so that others which
# need it come late enough to find it. The last of them would come at the end, where all wait for them.
LONGEST = (
    "container/test_gate.py",
    "test_bench.py",
    "test_docs.py",
    "supervisor/test_main.py",
    "test_wagtail.py",
    "container/test_team_image.py",
    "history/triggers/test_start.py",
    "history/test_browser.py",
    "history/storage/test_recorder.py",
    "supervisor/test_process.py",
    "history/notices/test_watch.py",
    "deploy/test_accounts.py",
    "reports/test_agreement.py",
    "server/test_gunicorn.py",
    "management/test_voice.py",
    "management/test_probe.py",
    "history/triggers/test_narrowing.py",
    "execution/judge/test_ledger.py",
    "test_examples.py",
    "readiness/test_keeper.py",
    "contrib/checks/test_gate.py",
    "test_suggest.py",
    "test_unittest_parity.py",
    "test_simple.py",
    "test_api.py",
)


def pytest_xdist_auto_num_workers():
    """Run two files at a time on each core, for most tests wait; the older end, which runs beside the newer, one."""
    return (2 if sys.version_info >= (3, 13) else 1) * max(2, os.cpu_count() or 1)


def pytest_sessionstart(session):
    """Compile what is ours once: hundreds of commands that may write no bytecode would each do it anew."""
    if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:  # as in what a shell starts in the background
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    if not hasattr(session.config, "workerinput"):
        for name in ("deploy", "django_probe", "examples"):
            compileall.compile_dir(ROOT / name, quiet=2)


def pytest_collection_modifyitems(config, items):
    """Begin with the longest. Where CI=true, a missing component is a failure; tests/cluster alone may skip."""
    if sys.version_info < (3, 13):
        named = {ROOT / "tests" / name: tests for name, tests in ALSO_ON_THE_OLDER_END.items()}
        left = [item for item in items if item.path in named and item.originalname not in named[item.path]]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    ranks = {ROOT / "tests" / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
    if os.environ.get("CI") != "true":
        return
    for item in items:
        if "tests/cluster" not in str(item.path) and not item.get_closest_marker("may_skip"):
            item.add_marker("no_skip")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Turn a skip into a failure where nothing may be missing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("no_skip"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI=true allows no skips: {report.longrepr}"
    return report
