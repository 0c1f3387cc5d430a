"""Asks a Redis server whether it answers, takes writes and has memory left; nothing is changed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django_probe.contrib.redis.servers import Server

_ALL: Final = 100
_MIB: Final = 2**20
_KEEPS_ALL: Final = "noeviction"
_KEYS: Final = 16
"""Of two nodes that have half of the keys each, one has all of so many once in 65,536 times."""
_OF_A_CLUSTER: Final = (
    "it is one node of a cluster, which refuses the keys of the others, and what asks it goes to no other"
)


def answers(server: Server) -> None:
    """Have the server answer. Raise AssertionError where it does not."""
    with server.client() as client:
        client.ping()
        if not server.writes:
            client.get(server.key)


def accepts_writes(server: Server) -> str | None:
    """Have the server take a write that changes nothing, and return why it is not asked, or None.

    The write is `SET key value XX` with random keys: to a key that does not exist it does nothing. A server refuses
    it all the same where it would refuse any other: as a replica, without memory, without enough replicas, where it
    cannot save, where the login may only read, or where another node has the key. Raise AssertionError with what it
    said.
    """
    from redis.exceptions import AskError, NoPermissionError, ReadOnlyError  # noqa: PLC0415 (the project's own package)

    if not server.writes:
        return f"{server.blamed} is only read"
    keys = [server.key for _ in range(_KEYS)]
    with server.client() as client, client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.set(key, "", xx=True)
        for key, came in zip(keys, pipeline.execute(raise_on_error=False), strict=True):
            match came:
                case AskError() if server.follows:  # MOVED too
                    return f"{server.blamed} is one node of a cluster, which is not asked for writes"
                case AskError():
                    raise AssertionError(f"{server.blamed}: {_OF_A_CLUSTER}: {came}")
                case ReadOnlyError():
                    raise AssertionError(f"{server.blamed}: it is a replica, which takes no writes")
                case NoPermissionError():
                    raise AssertionError(f"{server.blamed}: {came} (SET {key} XX)")
                case Exception():
                    raise came
    return None


def has_memory_left(server: Server, percent: int) -> str | None:
    """Have the server say how much of its memory is used, and return why it is not asked, or None.

    A server that makes room by itself is full in the best of times, and is not judged. Raise AssertionError where more
    than `percent` of `maxmemory` is used.
    """
    from redis.exceptions import NoPermissionError  # noqa: PLC0415 (the project's own package)

    with server.client() as client:
        try:
            told = client.info("memory")
        except NoPermissionError:
            return f"{server.blamed} lets this login not ask for INFO"
    most, policy = int(told.get("maxmemory", 0)), str(told.get("maxmemory_policy", _KEEPS_ALL))
    if not most:
        return f"{server.blamed} has no maxmemory"
    if policy != _KEEPS_ALL:
        return f"{server.blamed} makes room by itself ({policy})"
    # What waits for replicas is no reason to refuse a write, so the server does not count it either.
    used = int(told["used_memory"]) - int(told.get("mem_not_counted_for_evict", 0))
    if used * _ALL > most * percent:
        share = f"{used / _MIB:.1f} of {most / _MIB:.1f} MiB are used, {used * _ALL / most:.0f}%"
        raise AssertionError(f"{server.blamed}: {share}, more than {percent}%; it refuses writes when it is full")
    return None
