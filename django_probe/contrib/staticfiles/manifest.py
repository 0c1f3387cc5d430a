"""Compares what the manifest of static files names with what is in its storage.

A storage on a file system is read whole: each file's content must have the hash that is in its name. A remote one is
asked whether it has each file, and of a large manifest every n-th: nothing is fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import FileSystemStorage

from django_probe.contrib.parts import few, summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CURE: Final = "run collectstatic where the image is made"
_MOST_ASKED: Final = 200
"""Entries that a remote storage is asked for: each is a request of some 20 to 100 ms."""


def problems(storage: Any) -> list[str]:
    """Return what is wrong with a storage that has a manifest, each as a clause of a sentence."""
    name = storage.manifest_name
    if storage.read_manifest() is None:
        return [f"there is no {name}: {CURE}"]
    entries: Mapping[str, str] = storage.load_manifest()[0]
    if not entries:
        return [f"{name} names no file: {CURE}"]
    if isinstance(storage, FileSystemStorage):
        count, found = f"{len(entries)} entries", _unlike(storage, entries)
    else:
        asked = _part(sorted(set(entries.values())))
        count, found = f"{len(asked)} entries that were asked for", _absent(storage, asked)
    kinds: dict[str, list[str]] = {}
    for kind, what in found:
        kinds.setdefault(kind, []).append(what)
    return [f"{len(each)} of {count} of {name} {kind}: {few(each)}" for kind, each in kinds.items()]


def _unlike(storage: Any, entries: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with each entry; a file is read in pieces, whatever its length."""
    for name, hashed in sorted(entries.items()):
        try:
            with storage.open(hashed) as content:
                right = storage.clean_name(storage.hashed_name(name, content))
        except FileNotFoundError:
            yield "are not there", hashed
        except (OSError, SuspiciousOperation) as error:
            yield "cannot be read", f"{hashed} ({summary(error)})"
        else:
            if right != hashed:
                yield "have another content than when they were named", f"{hashed} (now {right})"


def _part(names: list[str]) -> list[str]:
    """Return as many of the names as are asked for, from all of the list."""
    return names[:: -(-len(names) // _MOST_ASKED)]


def _absent(storage: Any, names: list[str]) -> Iterator[tuple[str, str]]:
    return (("are not there", name) for name in names if not storage.exists(name))
