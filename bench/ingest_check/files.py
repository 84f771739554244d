"""The files of a folder, whatever they are called, and the objects that they become."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.names import MAX_OBJECT_BYTES

# The storage of the one-machine stack keeps each part of an object's name as the name of a file or folder, and puts 20
# characters more to it for as long as it is written.
MAX_PART_BYTES = 255 - 20
_KEPT_BYTES = 150
_ESCAPED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff%]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file, its name below the folder, its bytes, and why it cannot be read, as far as that is known."""

    path: Path
    name: str
    size: int = 0
    unread: str = ""


def find(folder: Path) -> Iterator[Found]:
    """All files below the folder, in the order of their names, with the folders that cannot be listed.

    Links are not followed. What is neither a file nor a folder, such as a pipe, is left out.
    """
    waiting = [folder]
    while waiting:
        top = waiting.pop()
        try:
            with os.scandir(top) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            yield Found(path=top, name=_shown(top, folder), unread=error.strerror or type(error).__name__)
            continue
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield Found(path=Path(entry.path), name=_shown(Path(entry.path), folder), size=_size(entry))
        waiting += [Path(entry.path) for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]


def object_name(path: str, prefix: str) -> str:
    """The name of the object that a file becomes, different for different paths.

    It is the path as far as Cloud Storage takes it: what is no UTF-8 or moves the cursor is escaped, as `%` is. Of a
    path that is too long, the end of the file's name stays, behind a digest of the whole.
    """
    name = _ESCAPED.sub(_escape, path)
    too_long = any(len(part.encode()) > MAX_PART_BYTES for part in name.split("/"))
    if too_long or len((prefix + name).encode()) > MAX_OBJECT_BYTES:
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()
        last = name.rpartition("/")[2].encode()[-_KEPT_BYTES:].decode(errors="ignore")
        name = f"%/{digest}-{last}"  # no escaped path begins so
    return prefix + name


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:  # gone by now: whoever reads it will say so
        return 0


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder))


def _escape(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(found[0]))
