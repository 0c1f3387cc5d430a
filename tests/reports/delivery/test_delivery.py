"""Reports are refused before anything runs, delivered whole, and never the reason for another verdict."""

from __future__ import annotations

import ctypes
import io
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from django_probe.errors import UsageError
from django_probe.reports import ReportError
from django_probe.reports.delivery.delivery import Delivery, Report

SCRIPT = """\
import sys
from datetime import UTC, datetime
from django_probe.errors import UsageError
from django_probe.reports.delivery.delivery import Delivery, Report
from django_probe.results import ProbeRun
now = datetime.now(UTC)
run = ProbeRun("6f0c", "deploy", now, now, 0, ())
content = lambda run: f"gate {run.gate} \\u20ac\\n"
reports = [Report(f"--report{n}", path, content) for n, path in enumerate(sys.argv[1:])]
delivery = Delivery(reports, sys.stdout)
try:
    delivery.prepare()
except UsageError as error:
    sys.exit(f"refused: {error}")
for sentence in delivery.deliver(run):
    print(sentence, file=sys.stderr)
"""


def content(run):
    """A report of which nothing matters but that it arrives."""
    return f"gate {run.gate} \u20ac\n"


WANTED = "gate deploy \u20ac\n"


def to(path, **values):
    """Return a report that goes to `path`."""
    return Report("--junit", str(path), values.pop("render", content), **values)


def deliver(given, *reports, stdout=None):
    """Prepare and deliver; give the sentences about what could not be delivered."""
    delivery = Delivery(reports, stdout)
    delivery.prepare()
    return delivery.deliver(given)


def command(*paths, before=(), script=SCRIPT, **streams):
    """Start a process that writes its report to these paths, as buffered as Python makes it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        [*before, sys.executable, "-c", script, *map(str, paths)],
        env=environment,
        timeout=30,
        check=False,
        **{"stderr": subprocess.PIPE, **streams},
    )


def refusal(*reports):
    """Return the sentence with which these reports are refused."""
    with pytest.raises(UsageError) as refused:
        Delivery(reports, None).prepare()
    return str(refused.value)


def test_deliver__writes_the_report_in_utf8(run, tmp_path):
    """The file holds what was rendered, and nothing else is left in its folder."""
    assert deliver(run(), to(tmp_path / "junit.xml")) == []

    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"junit.xml": WANTED}


def test_deliver__relative_to_the_current_folder(run, tmp_path, monkeypatch):
    """A bare name is a file here."""
    monkeypatch.chdir(tmp_path)

    assert deliver(run(), to("junit.xml")) == []

    assert (tmp_path / "junit.xml").exists()


def test_deliver__gives_the_file_the_mode_that_the_umask_says(run, tmp_path):
    """A report is as readable as any other file of this user, not private as a temporary one would be."""
    old = os.umask(0o027)
    try:
        deliver(run(), to(tmp_path / "junit.xml"))
    finally:
        os.umask(old)

    assert stat.S_IMODE((tmp_path / "junit.xml").stat().st_mode) == 0o640


def test_deliver__what_no_encoding_takes_is_escaped(run, tmp_path):
    """A lone surrogate in a report is no reason not to deliver it."""
    assert deliver(run(), to(tmp_path / "out", render=lambda _: "\ud800")) == []

    assert (tmp_path / "out").read_bytes() == b"\\ud800"


def test_prepare__removes_a_stale_report(tmp_path):
    """A run that dies leaves no report of the last one behind for a CI to read."""
    stale = tmp_path / "junit.xml"
    stale.write_text("all is well")

    Delivery([to(stale)], None).prepare()

    assert list(tmp_path.iterdir()) == []


def test_prepare__removes_the_others_where_it_refuses(tmp_path):
    """Nothing will run: a report of an earlier run that passed would be taken for this one's."""
    stale = tmp_path / "junit.xml"
    stale.write_text("all is well")

    refusal(to(stale), to(tmp_path / "missing" / "x"))

    assert not stale.exists()


@pytest.mark.parametrize("in_place", [False, True])
def test_prepare__refuses_a_folder_that_does_not_exist(tmp_path, in_place):
    """The sentence names the option, the path, the folder and the way out."""
    path = tmp_path / "out" / "junit.xml"

    assert refusal(to(path, in_place=in_place)) == (
        f"--junit {path}: there is no folder {tmp_path}/out; make it, or name another"
    )


@pytest.mark.parametrize("end", ["", "/", "/new/"])
def test_prepare__refuses_a_folder(tmp_path, end):
    """A folder is no file, also one that is only meant to be one."""
    assert refusal(to(f"{tmp_path}{end}")) == f"--junit {tmp_path}{end}: is a folder; name a file in it"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/proc/junit.xml", "No such file or directory"),  # what procfs says of every new file
        ("/dev/null/junit.xml", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("a\0b", ""),  # each Python has its own words for it
    ],
)
def test_prepare__refuses_what_cannot_be_written(path, why):
    """What writing would fail with is known before anything runs, also by root."""
    assert f": cannot be written: {why}" in refusal(to(path))


def test_prepare__refuses_a_folder_without_the_right_to_write():
    """A user who may not write there hears it before anything runs."""
    set_file_system_user = ctypes.CDLL(None).setfsuid  # for root, to whom permissions say nothing
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        set_file_system_user(65534 if os.geteuid() == 0 else os.geteuid())
        try:
            sentence = refusal(to(f"{folder}/junit.xml"))
        finally:
            set_file_system_user(os.geteuid())

    assert sentence == f"--junit {folder}/junit.xml: cannot be written: Permission denied"


def test_prepare__refuses_two_reports_in_one_file(tmp_path):
    """Two ways to one file, also through links, are one file."""
    (tmp_path / "link").symlink_to(tmp_path / "junit.xml")

    sentence = refusal(to(tmp_path / "junit.xml"), Report("--json", str(tmp_path / "link"), content))

    named = f"--junit {tmp_path}/junit.xml and --json {tmp_path}/link"
    assert sentence == f"{named} are the same file; give each report one of its own"


def test_prepare__refuses_two_reports_on_standard_output():
    """Only one report can be read from a stream."""
    assert refusal(to("-"), Report("--json", "-", content)) == (
        "--junit - and --json - are the same file; give each report one of its own"
    )


def test_prepare__a_path_in_a_sentence_is_visible(tmp_path):
    """A path with control characters does not steer the terminal on which the sentence is read."""
    assert "\\x1b[2J" in refusal(to(tmp_path / "\x1b[2J" / "x"))


def test_deliver__says_what_failed_and_delivers_the_others(run, tmp_path):
    """A folder that vanishes, a report that cannot be made, a bug: a sentence each, and the rest arrives."""

    def refuse(_):
        raise ReportError("it would disagree with the record")

    (tmp_path / "out").mkdir()
    reports = [
        Report("--junit", str(tmp_path / "out" / "x"), content),
        Report("--json", str(tmp_path / "json"), refuse),
        Report("--summary", str(tmp_path / "summary"), lambda _: 1 / 0),
        Report("--fine", str(tmp_path / "fine"), content),
    ]
    delivery = Delivery(reports, None)
    delivery.prepare()
    (tmp_path / "out").rmdir()

    assert delivery.deliver(run()) == [
        f"--junit {tmp_path}/out/x: could not be delivered: No such file or directory",
        f"--json {tmp_path}/json: could not be delivered: it would disagree with the record",
        f"--summary {tmp_path}/summary: could not be delivered: division by zero",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["fine"]


def test_deliver__leaves_no_half_written_file(run, tmp_path):
    """Where the rename fails, what was written beside the target is gone."""
    delivery = Delivery([to(tmp_path / "x")], None)
    delivery.prepare()
    (tmp_path / "x").mkdir()

    assert delivery.deliver(run()) == [f"--junit {tmp_path}/x: could not be delivered: Is a directory"]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_deliver__never_shows_half_a_report(run, tmp_path):
    """Who reads all the while sees no file or a whole one."""
    target, seen, done = tmp_path / "x", set(), threading.Event()

    def read():
        while not done.is_set():
            if target.exists():
                seen.add(target.stat().st_size)

    reader = threading.Thread(target=read)
    reader.start()
    delivery = Delivery([to(target, render=lambda _: "x" * 5_000_000)], None)
    delivery.prepare()
    for _ in range(20):
        delivery.deliver(run())
    done.set()
    reader.join()

    assert seen == {5_000_000}


def test_symlink__its_target_is_replaced_and_the_link_stays(run, tmp_path):
    """A link to where reports are collected is still one after the run."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "junit.xml").symlink_to("reports/today.xml")

    deliver(run(), to(tmp_path / "junit.xml"))

    assert (tmp_path / "junit.xml").is_symlink()
    assert (tmp_path / "reports" / "today.xml").read_text(encoding="utf-8") == WANTED


def test_pipe__is_written_and_stays_a_pipe(run, tmp_path):
    """A named pipe is neither removed nor renamed over; its reader gets the report."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    assert deliver(run(), to(pipe)) == []

    assert os.read(reader, 100).decode() == WANTED
    os.close(reader)
    assert pipe.is_fifo()


def test_pipe__that_nobody_reads_does_not_hold_the_gate(run, tmp_path):
    """Opening such a pipe would wait for ever; it is a failure of delivery instead."""
    os.mkfifo(tmp_path / "pipe")

    assert deliver(run(), to(tmp_path / "pipe")) == [
        f"--junit {tmp_path}/pipe: could not be delivered: No such device or address"
    ]


def test_pipe__whose_reader_stands_still_does_not_hold_the_gate(run, tmp_path):
    """A reader that takes nothing for two seconds is given up."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    sentences = deliver(run(), to(tmp_path / "pipe", render=lambda _: "x" * 1_000_000))

    os.close(reader)
    assert sentences == [f"--junit {tmp_path}/pipe: could not be delivered: nobody reads the other end of the pipe"]


def test_device__that_is_full_is_a_failure_of_delivery(run):
    """A disk without space is told of, not raised."""
    assert deliver(run(), to("/dev/full")) == ["--junit /dev/full: could not be delivered: No space left on device"]


def test_termination_message__is_written_in_place(run, tmp_path):
    """Kubernetes mounts that one file: it stays the same, is emptied at the start and filled at the end."""
    log = tmp_path / "termination-log"
    log.write_text("a longer text of an earlier container of this pod")
    inode = log.stat().st_ino
    delivery = Delivery([to(log, in_place=True)], None)

    delivery.prepare()
    assert log.read_text() == ""
    assert delivery.deliver(run()) == []

    assert log.read_text(encoding="utf-8") == WANTED
    assert log.stat().st_ino == inode
    assert len(list(tmp_path.iterdir())) == 1


def test_termination_message__is_made_where_it_is_not_there(run, tmp_path):
    """Outside of a cluster, PROBE_TERMINATION_LOG may name a new file."""
    deliver(run(), to(tmp_path / "log", in_place=True))

    assert (tmp_path / "log").read_text(encoding="utf-8") == WANTED


def test_stdout__gets_the_report_in_utf8_and_nothing_else():
    """The next command in the pipe reads the report, whatever the locale is."""
    assert command("-", stdout=subprocess.PIPE).stdout.decode("utf-8") == WANTED


@pytest.mark.parametrize("path", ["/dev/stdout", "/proc/self/fd/1", "-"])
@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_stdout__by_any_name_leaves_what_stands_in_the_log(tmp_path, path, mode):
    """A log that standard output is appended to is neither removed, replaced nor overwritten."""
    log = tmp_path / "log"
    log.write_text("before\n")
    with log.open(mode) as stream:
        stream.write(b"first\n")
        stream.flush()
        command(path, stdout=stream)

    before = "before\n" if mode == "ab" else ""
    assert log.read_text(encoding="utf-8") == f"{before}first\n{WANTED}"


def test_stdout__that_is_a_socket_can_be_named_too():
    """A socket, as some service managers give, cannot be opened by its name; it is written all the same."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = command("/dev/stdout", stdout=theirs)

        assert (done.returncode, done.stderr) == (0, b"")
        assert ours.recv(100).decode() == WANTED


def test_stderr__by_its_name():
    """/dev/stderr is written, not replaced."""
    assert command("/dev/stderr", stdout=subprocess.DEVNULL).stderr.decode("utf-8") == WANTED


def test_stdout__by_two_names_is_refused():
    """- and /dev/stdout are one stream."""
    done = command("-", "/dev/stdout", stdout=subprocess.PIPE)

    assert done.returncode == 1
    assert b"refused: --report0 - and --report1 /dev/stdout are the same file" in done.stderr


def test_stdout__whose_reader_is_gone_is_a_failure_of_delivery():
    """`| head` ends: a sentence says so, and Python does not exit with its own 120."""
    reader, writer = os.pipe()
    os.close(reader)

    done = command("-", stdout=writer)

    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"--report0 -: could not be delivered: Broken pipe\n")


def test_stdout__that_held_something_else_does_not_break_the_exit_code():
    """Settings that print on import leave text in the buffer; where the reader is gone, it is let go."""
    reader, writer = os.pipe()
    os.close(reader)

    done = command("-", script=f"print('loading settings')\n{SCRIPT}", stdout=writer)

    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"--report0 -: could not be delivered: Broken pipe\n")


def test_stdout__what_was_printed_before_stands_before():
    """The report is whole: nothing that was printed earlier comes into or behind it."""
    done = command("-", script=f"print('loading settings')\n{SCRIPT}", stdout=subprocess.PIPE)

    assert done.stdout.decode("utf-8") == f"loading settings\n{WANTED}"


def test_stdout__that_was_closed_from_the_start_is_a_failure_of_delivery(run):
    """`>&-`: there is nowhere to write, and that is said."""
    assert deliver(run(), to("-"), stdout=None) == ["--junit -: could not be delivered: standard output is closed"]


def test_stdout__in_memory_gets_the_report(run):
    """call_command(stdout=StringIO()) works as for every command."""
    stdout = io.StringIO()

    assert deliver(run(), to("-"), stdout=stdout) == []

    assert stdout.getvalue() == WANTED


def test_deliver__before_prepare_is_a_mistake_of_the_program(run, tmp_path):
    """Nobody can take reports for delivered that were never prepared."""
    with pytest.raises(RuntimeError, match="comes before"):
        Delivery([to(tmp_path / "x")], None).deliver(run())


def test_deliver__a_file_that_stays_half_written_is_not_left_behind(tmp_path):
    """A report for which there is no space is not there at all, and the sentence says why."""
    limited = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh"]

    done = command(tmp_path / "x", before=limited)

    assert done.stderr.decode() == f"--report0 {tmp_path}/x: could not be delivered: File too large\n"
    assert list(tmp_path.iterdir()) == []
