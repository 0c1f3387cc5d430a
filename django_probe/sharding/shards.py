"""A shard: one of the parts into which a selection is cut, so that several pods run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable


class Shard(NamedTuple):
    """One of `count` parts of a selection, `index` from 0."""

    index: int  # type: ignore[assignment]  # in place of a method of tuples that nobody asks for
    count: int  # type: ignore[assignment]  # likewise

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, key: str) -> bool:
        """Return whether what has this key is this shard's; CRC-32, so that every shard computes alike."""
        return crc32(key.encode("utf-8", "surrogatepass")) % self.count == self.index


def disagreement(selections: Iterable[tuple[str, str | None]]) -> str:
    """Return a sentence that names the shards which saw different selections; empty where all saw the same one.

    Each shard comes with the digest of what was selected. One that is not known is of a shard whose probes could not be
    loaded, which closes the gate by itself, or of one that a release before this one ran.
    """
    saw: dict[str, list[str]] = {}
    for shard, selection in selections:
        if selection:
            saw.setdefault(selection, []).append(shard)
    if len(saw) < 2:  # noqa: PLR2004 (one selection is what all of them should see)
        return ""
    parts = "; ".join(", ".join(sorted(shards)) for shards in saw.values())
    return (
        f"the shards saw different selections ({parts}), so that some probes may have run in none of them; "
        f"run all shards on the same code, with the same gate and options"
    )
