"""What a process overheard reaches the judge, whatever the probe does to what it is written into."""

from __future__ import annotations

import os

from django_probe.execution.secrets.confided import Confided, ToJudge
from django_probe.process.overheard import MOST, Listening, overhear, overheard


def test_secrets__are_known_at_once_and_then_forgotten():
    """Each is told when it is heard, and once; what the probe itself wrote into the file keeps nobody from that."""
    confided = Confided()
    with Listening(ToJudge(confided.descriptor)):
        overhear(["a line\nand more", "é"])
        os.write(confided.descriptor, b'{"a": 1}\n[[1, "x"]\n\xff' + b"[" * 100_000)
        overhear(["é", "last"])
        assert confided.secrets() == ["a line\nand more", "é", "last"]
    assert (confided.secrets(), overheard()) == ([], set())
    confided.close()


def test_secrets__are_not_written_into_a_file_of_the_probe(tmp_path):
    """A probe that closes every descriptor may have a file of its own under the same number."""
    confided = Confided()
    descriptor = os.dup(confided.descriptor)
    with Listening(ToJudge(descriptor)), (tmp_path / "own").open("wb") as own:
        os.dup2(own.fileno(), descriptor)
        overhear(["secret"])
        os.close(descriptor)
        overhear(["another"])
    assert ((tmp_path / "own").read_bytes(), confided.secrets()) == (b"", [])
    confided.close()


def test_secrets__are_not_more_than_can_be_looked_for():
    """The first ones are known, and told; the judge takes no more of them either."""
    confided = Confided()
    many = [str(number) for number in range(MOST + 2)]
    with Listening(ToJudge(confided.descriptor)):
        overhear(many)
        assert (len(overheard()), confided.secrets()) == (MOST, many[:MOST])
        ToJudge(confided.descriptor).tell(["one more"])
        assert confided.secrets() == many[:MOST]
    confided.close()
