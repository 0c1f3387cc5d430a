"""Reads the body of an answer: bounded, whole, and out of what it was compressed with."""

from __future__ import annotations

import zlib
from http.client import HTTPException
from typing import Any, Final

MOST: Final = 2 << 20
"""Bytes of a body that are read, and of what it is when it is unpacked."""
_CHUNK: Final = 1 << 16
_PACKED: Final = ("gzip", "x-gzip", "deflate")
_MOST_MEMBERS: Final = 100
"""To look for the next takes a copy of all that follows: a body of empty ones would take minutes."""
_MOST_SHOWN: Final = 80
_EITHER: Final = zlib.MAX_WBITS | 32
"""Gzip or zlib, as the first bytes say."""
_BARE: Final = -zlib.MAX_WBITS
"""What some servers send as deflate, against RFC 9110, 8.4.1.2."""


class BrokenBodyError(HTTPException):
    """The body is not what its head says; the message is a clause."""


def read(response: Any) -> tuple[bytes, bool]:
    """Return what is read of a body, and whether more of it would come: it may be endless, or a bomb.

    Raise BrokenBodyError where it ends inside of what it is packed with: the library gives what came as if it were all.
    """
    content = bytearray()
    while len(content) <= MOST and (chunk := response.read1(_CHUNK, decode_content=False)):
        content += chunk
    cut = len(content) > MOST
    if cut:
        response.close()
    else:
        response.release_conn()
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if content and coding not in ("", "identity"):
        if coding not in _PACKED:
            raise BrokenBodyError(f"it is packed with {coding[:_MOST_SHOWN]!r}, for which nobody asked")
        content, cut = _unpacked(bytes(content), coding, cut=cut)
    return bytes(content[:MOST]), cut


def _unpacked(packed: bytes, coding: str, *, cut: bool) -> tuple[bytearray, bool]:
    content = bytearray()
    for _ in range(_MOST_MEMBERS):  # that gzip may have
        if not packed:
            return content, cut
        window = _BARE if coding == "deflate" and packed[0] & 0x0F != zlib.DEFLATED else _EITHER
        unpacker = zlib.decompressobj(window)
        try:
            content += unpacker.decompress(packed, MOST + 1 - len(content))
        except zlib.error as error:
            raise BrokenBodyError(f"it is not packed with {coding}, as its head says: {error}") from None
        if len(content) > MOST:
            return content, True
        if not unpacker.eof:
            if cut:
                return content, cut
            raise BrokenBodyError(f"it ends inside of what is packed with {coding}")
        packed = unpacker.unused_data.lstrip(b"\0")
    raise BrokenBodyError(f"it is packed with {coding} in more than {_MOST_MEMBERS} parts")
