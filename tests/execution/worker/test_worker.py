"""Workers: what a probe does to its own process harms it alone, and the record says what happened."""

from __future__ import annotations

import os
import signal

from tests.execution.running import Started, by_label, outcomes, text_of


def test_a_probe_that_ends_its_process_is_an_error_that_says_how(project):
    """By exit status (0 as well: an end is no pass), by signal with its name; the probes around it are not harmed."""
    project.app(
        "shop",
        """
        import ctypes, os, signal, unittest

        class TestEnds(unittest.TestCase):
            def test_a_passes(self):
                pass

            def test_exit_0(self):
                print("the last words", flush=True)
                os._exit(0)

            def test_exit_3(self):
                os._exit(3)

            def test_killed(self):
                os.kill(os.getpid(), signal.SIGKILL)

            def test_segfault(self):
                ctypes.string_at(0)

            def test_terminated(self):
                os.kill(os.getpid(), signal.SIGTERM)

            def test_z_passes(self):
                pass
        """,
    )
    done, record = project.record()
    ended = by_label(record)
    assert done.code == 1
    assert record["exit_code"] == 1
    assert record["counts"] == {
        "passed": 2, "failed": 0, "error": 5, "timeout": 0, "skipped": 0, "expected_failure": 0, "not_run": 0,
    }  # fmt: skip
    said = {name: result["message"] for name, result in ended.items() if result["outcome"] == "error"}
    assert "exited with status 0" in said["test_exit_0"]
    assert "exited with status 3" in said["test_exit_3"]
    assert "killed by SIGKILL" in said["test_killed"]
    assert "killed by SIGSEGV" in said["test_segfault"]
    assert "killed by SIGTERM" in said["test_terminated"]
    assert ended["test_exit_0"]["output"] == "the last words\n"
    assert "test_exit_0" in done.err


def test_a_probe_that_closes_descriptors(project):
    """Its own output is what it loses; one that closes even the worker's own is an error; the next are not harmed."""
    project.app(
        "shop",
        """
        import os, sys, unittest

        class TestCloses(unittest.TestCase):
            def test_a_closes_1_and_2(self):
                os.close(1)
                os.close(2)

            def test_b_prints_and_fails(self):
                print("printed after")
                os.write(2, b"written after\\n")
                self.fail("on purpose")

            def test_c_closes_streams(self):
                sys.stdout.close()
                sys.stderr.close()

            def test_d_closes_all(self):
                os.closerange(3, 256)

            def test_e_prints_and_fails(self):
                print("printed at last")
                self.fail("on purpose")
        """,
    )
    done, record = project.record()
    ended = by_label(record)
    assert done.code == 1
    assert outcomes(record) == {
        "test_a_closes_1_and_2": "passed",
        "test_b_prints_and_fails": "failed",
        "test_c_closes_streams": "passed",
        "test_d_closes_all": "error",
        "test_e_prints_and_fails": "failed",
    }
    assert sorted(ended["test_b_prints_and_fails"]["output"].splitlines()) == ["printed after", "written after"]
    assert "closed descriptors which are not its own" in ended["test_d_closes_all"]["message"]
    assert ended["test_e_prints_and_fails"]["output"] == "printed at last\n"


def test_a_worker_that_is_killed_from_outside(project):
    """The probe that it ran is an error that names the signal; the next gets another worker."""
    project.app(
        "shop",
        """
        import os, time, unittest
        from pathlib import Path

        class TestVictim(unittest.TestCase):
            def test_a_waits(self):
                Path("pid").write_text(f"{os.getpid()}\\n")
                time.sleep(60)

            def test_b_passes(self):
                pass
        """,
    )
    with Started(project) as run:
        worker = int(text_of(project.path / "pid"))
        os.kill(worker, signal.SIGKILL)
        run.signal(0)
        code, record, _ = run.end()
    assert code == 1
    assert outcomes(record) == {"test_a_waits": "error", "test_b_passes": "passed"}
    assert "killed by SIGKILL" in by_label(record)["test_a_waits"]["message"]


def test_what_a_probe_leaves_changed_does_not_reach_the_next(project):
    """The working folder, the environment, the streams, settings, threads: the next probe starts as if alone."""
    project.app(
        "shop",
        """
        import io, os, sys, threading, time, unittest
        from django.conf import settings
        from django.test import override_settings

        FOLDER, STREAMS = os.getcwd(), (sys.stdout, sys.stderr)

        class TestAsBefore(unittest.TestCase):
            def setUp(self):
                self.assertEqual(os.getcwd(), FOLDER)
                self.assertNotIn("LEFT_BY_A_PROBE", os.environ)
                self.assertIn("PATH", os.environ)
                self.assertEqual((sys.stdout, sys.stderr), STREAMS)
                self.assertEqual(settings.ROOT_URLCONF, "site_urls")
                self.assertEqual(threading.active_count(), 1)

            def test_a_changes_the_folder(self):
                os.chdir("/")

            def test_b_adds_to_the_environment(self):
                os.environ["LEFT_BY_A_PROBE"] = "1"

            def test_c_takes_from_the_environment(self):
                del os.environ["PATH"]

            def test_d_replaces_stdout(self):
                sys.stdout = io.StringIO()

            def test_e_leaves_settings_overridden(self):
                override_settings(ROOT_URLCONF="another").enable()

            def test_f_leaves_a_thread(self):
                threading.Thread(target=time.sleep, args=(60,)).start()

            def test_g_removes_its_folder(self):
                os.mkdir("gone")
                os.chdir("gone")
                os.rmdir("../gone")

            def test_h_is_not_harmed(self):
                pass
        """,
    )
    done, record = project.record()
    assert set(outcomes(record).values()) == {"passed"}, done.err
    assert done.code == 0


def test_what_a_classs_fixtures_leave_changed_does_not_reach_the_next_class(project):
    """Neither what tearDownClass changes, nor what it prints."""
    project.app(
        "shop",
        """
        import os, unittest

        FOLDER = os.getcwd()

        class TestA(unittest.TestCase):
            @classmethod
            def tearDownClass(cls):
                print("printed by tearDownClass of A")
                os.chdir("/")

            def test_a(self):
                pass

        class TestB(unittest.TestCase):
            def test_b(self):
                print("printed by B")
                self.fail("to see the output" if os.getcwd() == FOLDER else "in another folder")
        """,
    )
    _, record = project.record()
    told = by_label(record)["test_b"]
    assert told["message"] == "to see the output"
    assert told["output"] == "printed by B\n"


def test_a_fork_of_a_probe_that_comes_back_says_nothing(project):
    """A child that returns from the probe, or leaves it by an exception, ends there: the result is its parent's."""
    project.app(
        "shop",
        """
        import os, unittest

        class TestFork(unittest.TestCase):
            def test_a_child_returns(self):
                if pid := os.fork():
                    os.waitpid(pid, 0)

            def test_b_child_raises(self):
                if pid := os.fork():
                    os.waitpid(pid, 0)
                else:
                    raise ValueError("in the child")

            def test_c_child_exits(self):
                if pid := os.fork():
                    os.waitpid(pid, 0)
                else:
                    raise SystemExit(0)

            def test_d_passes(self):
                pass
        """,
    )
    done, record = project.record()
    assert done.code == 0, done.err
    assert len(record["results"]) == 4
    assert set(outcomes(record).values()) == {"passed"}


def test_a_fork_of_a_probe_leaves_its_database_connection_alone(project, postgres, shop):
    """A child that comes back does not end its parent's transaction on the connection that they share."""
    project.configure(f"DATABASES['default'] = {postgres.settings(shop)!r}\n")
    project.app(
        "store",
        """
        import os, unittest
        from django.db import connection
        from django_probe import probe

        class TestFork(unittest.TestCase):
            @probe(database_access="rollback")
            def test_fork(self):
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO thing (name) VALUES ('new')")
                    if pid := os.fork():
                        os.waitpid(pid, 0)
                    else:
                        raise ValueError("in the child")
                    cursor.execute("SELECT count(*) FROM thing WHERE name = 'new'")
                    self.assertEqual(cursor.fetchone(), (1,))
        """,
    )
    done, record = project.record()
    assert outcomes(record) == {"test_fork": "passed"}, done.err
