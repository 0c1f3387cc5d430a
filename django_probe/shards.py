"""A shard: one of the parts into which a selection is cut, so that several pods run it."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts of a selection, `index` from 0."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, key: str) -> bool:
        """Return whether what has this key is this shard's; CRC-32, so that every shard computes alike."""
        return crc32(key.encode("utf-8", "surrogatepass")) % self.count == self.index
