"""The offer that a supervisor leaves: taken once, and by nobody whose descriptors are others."""

from __future__ import annotations

import contextlib
import json
import os
import socket

import pytest

from django_probe.errors import UsageError
from django_probe.process import handshake


@pytest.fixture
def offered(monkeypatch):
    """The supervisor's end of a line, and an offer that is in the environment."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.settimeout(5)
    descriptor = theirs.detach()
    os.set_inheritable(descriptor, True)  # noqa: FBT003 (Python's own signature)
    offer = handshake.Offer("t0ken", descriptor, os.fstat(descriptor).st_ino, -1, -1, 0.0)
    monkeypatch.setenv(handshake.VARIABLE, offer.text())
    with mine:
        yield mine, offer
    with contextlib.suppress(OSError):
        os.close(descriptor)


def test_take__once(offered):
    """The environment has no offer afterwards, and the descriptor is not inherited."""
    mine, offer = offered

    line = handshake.take()

    assert line is not None
    assert handshake.VARIABLE not in os.environ
    assert handshake.take() is None
    assert not os.get_inheritable(offer.line)
    line.ran(3, {"exit_code": 3})
    assert json.loads(mine.recv(1000)) == {
        "token": "t0ken",
        "kind": "ran",
        "exit": 3,
        "record": {"exit_code": 3},
    }
    assert line.stdout is None
    assert line.age > 0
    line._descriptors.clear()  # other tests fork, too


def test_told__of_more_arguments_than_a_message_has_room_for():
    """A digest, which differs as soon as one of the arguments does, in order too; few arguments are as they are."""
    many = [f"shop.Test.test_{number}" for number in range(30_000)]

    assert handshake.told(["--gate", "\udcff", ""]) == ["--gate", "\udcff", ""]
    assert len(json.dumps(handshake.told(many))) < 200
    assert handshake.told(many) == handshake.told(tuple(many))
    for other in (many[:-1], [*many[:-1], "shop"], [*many[:-2], many[-1], many[-2]], ["\udcff", *many[1:]]):
        assert handshake.told(other) != handshake.told(many)


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"token": 1}', "null"])
def test_take__of_what_is_no_offer(monkeypatch, text):
    """Is none, and the environment is rid of it."""
    monkeypatch.setenv(handshake.VARIABLE, text)

    assert handshake.take() is None
    assert handshake.VARIABLE not in os.environ


def test_take__where_the_descriptor_is_another(offered, monkeypatch):
    """A process that got the environment but not the socket lets it be."""
    _, offer = offered
    for other in (offer._replace(inode=offer.inode + 1), offer._replace(line=0), offer._replace(line=999)):
        monkeypatch.setenv(handshake.VARIABLE, other.text())
        assert handshake.take() is None


def test_take__where_settings_emptied_the_environment(offered, monkeypatch):
    """The process remembers what was offered to it, once."""
    handshake.leave(offered[1])
    monkeypatch.delenv(handshake.VARIABLE)

    line = handshake.take()

    assert line is not None
    assert handshake.take() is None
    line._descriptors.clear()  # other tests fork, too


@pytest.mark.parametrize("closed", ["line", "stderr"])
def test_take__of_what_this_process_has_closed(offered, closed):
    """Nothing begins: its verdict would reach nobody."""
    handshake.leave(offered[1]._replace(process=os.getpid(), **{closed: 999}))

    with pytest.raises(UsageError, match="closed descriptors"):
        handshake.take()
    assert handshake.take() is None


def test_line__is_closed_in_a_fork(offered):
    """Once: a number that comes again is another's."""
    _, offer = offered
    line = handshake.take()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.fstat(offer.line)
        except OSError:
            again = os.open(os.devnull, os.O_RDONLY)
            os.dup2(again, offer.line)
            below = os.fork()
            if below == 0:
                os.fstat(offer.line)
                os._exit(0)
            status = os.waitpid(below, 0)[1]
        finally:
            os._exit(bool(status))

    assert os.waitpid(pid, 0)[1] == 0
    line._descriptors.clear()  # other tests fork, too
