"""`deploy/manage.py`: from any folder, with Python's own precautions, and one line where it cannot start."""

import pytest


def test_manage__runs_from_any_folder(deployment):
    """The project is found from wherever the command is called."""
    done = deployment.run("migrate", "--verbosity", "0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (deployment.path / "db.sqlite3").exists()


@pytest.mark.parametrize("flags", [(), ("-I",)])
def test_manage__does_not_put_its_own_folder_on_the_path(deployment, flags):
    """The modules of deploy/ are no top-level names, nor are those of the working folder."""
    deployment.write("wsgi.py", "raise AssertionError('the working folder was searched')")
    code = """
    import importlib.util
    found = {name: bool(importlib.util.find_spec(name)) for name in ("settings", "services", "wsgi", "urls")}
    """
    whole = "\n".join(line.strip() for line in code.splitlines()) + "\nprint(any(found.values()))"
    done = deployment.run("shell", "--no-imports", "-c", whole, flags=flags)
    assert (done.stdout.strip(), done.stderr) == ("False", "")


@pytest.mark.parametrize("command", ["check", "migrate", "probe", "help", "nonsense"])
def test_manage__says_what_is_wrong_whatever_the_command(deployment, command):
    """A bad variable ends every command by exit code 2 and one line, not by "Unknown command"."""
    done = deployment.run(command, DATABASE_URL="nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("DATABASE_URL: ")
    assert done.stderr.count("\n") == 1
