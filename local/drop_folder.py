"""The drop folder: what is copied into DROP/TEAM/PROJECT/… becomes an object, what is deleted there is deleted.

A file is uploaded, under its path below the folder, once it has stopped growing: its size and time of change have been
the same for a while. Overwriting it uploads a new generation. What was uploaded is remembered outside the folder, so
after a restart only what changed meanwhile is uploaded or deleted.

The folder is scanned over and over instead of asking the operating system for events: those differ from system to
system, are not sent for network drives and get lost under load, when a scan would be needed anyway. A scan of
5,000 files takes about 30 ms.

Left out:
- files and folders whose name begins with a dot, among them `.DS_Store`, `._*`, `.~lock.*` and rsync's;
- names that programs give to files they have not finished or will delete: `*~`, `~$*`, `*.part`, `*.partial`,
  `*.crdownload`, `*.download`, `*.tmp`, `Thumbs.db`, `desktop.ini`;
- symbolic links, wherever they lead, since deleting a link would delete an object whose file still exists, and a link
  out of the folder would publish what nobody copied there (the drop folder itself may be one);
- what is no regular file, and names that are not valid UTF-8, which no object can have.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from local.drop_state import DropState, Stamp

SETTLE_SECONDS = 0.5
SCAN_SECONDS = 0.3
# A folder of many files is scanned less often, so that looking takes at most a twentieth of a processor.
PAUSE_IN_SCANS = 20

IGNORED_STARTS = (".", "~$")
IGNORED_ENDS = ("~", ".part", ".partial", ".crdownload", ".download", ".tmp")
IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini"})


class Uploader(Protocol):
    """What happens to the files. Both may raise anything; they are called again later then."""

    def upload(self, path: Path, name: str) -> int:
        """Store the file as the object of that name; returns its generation."""

    def delete(self, name: str) -> None:
        """Delete the object; one that is already gone is no error."""


@dataclass(frozen=True)
class Changes:
    """Names of objects to write and to delete."""

    uploads: tuple[str, ...]
    deletes: tuple[str, ...]


def changes(before: Mapping[str, Stamp], now: Mapping[str, Stamp]) -> Changes:
    """What has to happen so that what was uploaded (`before`) becomes what the folder holds (`now`)."""
    return Changes(
        uploads=tuple(sorted(name for name, stamp in now.items() if before.get(name) != stamp)),
        deletes=tuple(sorted(before.keys() - now.keys())),
    )


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name, without its path, is left out."""
    name = name.lower()
    left_out = name.startswith(IGNORED_STARTS) or name.endswith(IGNORED_ENDS) or name in IGNORED_NAMES
    return left_out or not _is_utf8(name)


@dataclass(frozen=True)
class Listing:
    """The files below a folder by their object names, and the names of files and folders that could not be read."""

    files: dict[str, Stamp]
    unread: dict[str, OSError]

    def with_unread(self, before: Mapping[str, Stamp]) -> dict[str, Stamp]:
        """The files, with those that cannot be seen now taken as unchanged: not to see them is no deletion."""
        if not self.unread:
            return self.files
        unseen = {name: stamp for name, stamp in before.items() if any(_is_within(name, top) for top in self.unread)}
        return unseen | self.files


def scan(folder: Path) -> Listing:
    """What is below the folder now."""
    listing = Listing({}, {})
    _list(folder, "", listing)
    return listing


def _list(folder: Path, name: str, listing: Listing) -> None:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_ignored(entry.name):
                    _look_at(entry, f"{name}/{entry.name}" if name else entry.name, listing)
    except OSError as error:
        # A subfolder that is gone was deleted. The drop folder itself is more likely a drive that is not there.
        if name == "" or not isinstance(error, FileNotFoundError):
            listing.unread[name] = error


def _look_at(entry: os.DirEntry[str], name: str, listing: Listing) -> None:
    try:
        if entry.is_dir(follow_symlinks=False):
            _list(Path(entry.path), name, listing)
        elif entry.is_file(follow_symlinks=False):
            found = entry.stat(follow_symlinks=False)
            listing.files[name] = Stamp(found.st_size, found.st_mtime_ns)
    except FileNotFoundError:
        return
    except OSError as error:
        listing.unread[name] = error


def _is_within(name: str, top: str) -> bool:
    return top in ("", name) or name.startswith(top + "/")


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass
class DropFolder:
    """Keeps a bucket like a folder. One thread at a time may use it."""

    folder: Path
    state: DropState
    uploader: Uploader
    log: Callable[[str], None]
    settle_seconds: float = SETTLE_SECONDS
    # Since when (monotonic seconds) a file has looked as it does.
    _since: dict[str, tuple[Stamp, float]] = field(default_factory=dict, init=False)
    # What went wrong last and was said, so that it is not said again at every scan.
    _said: dict[str, str] = field(default_factory=dict, init=False)
    _pause: float = field(default=SCAN_SECONDS, init=False)

    def run(self, stop: threading.Event) -> None:
        """Scan until told to stop. Whatever fails is said once and tried again at the next scan."""
        while not stop.wait(self._pause):
            self.scan_once(time.monotonic(), stop)

    def scan_once(self, now: float, stop: threading.Event) -> None:
        """Look at the folder once and do what is due at this time; `stop` interrupts between two files."""
        began = time.thread_time()
        listing = scan(self.folder)
        self._pause = max(SCAN_SECONDS, PAUSE_IN_SCANS * (time.thread_time() - began))
        self._say_unread(listing)
        found = listing.with_unread(self.state.stamps())
        due = changes(self.state.stamps(), found)
        for name in due.deletes:
            if not stop.is_set():
                self._try(name, "could not be deleted", self._delete, name)
        for name in self._settled(due.uploads, found, now):
            if not stop.is_set():
                self._try(name, "could not be uploaded", self._upload, name, found[name])

    def _settled(self, names: tuple[str, ...], found: Mapping[str, Stamp], now: float) -> list[str]:
        seen = {name: (found[name], now) for name in names}
        for name, (stamp, since) in self._since.items():
            if name in seen and seen[name][0] == stamp:
                seen[name] = (stamp, since)
        self._since = seen
        return [name for name in names if now - seen[name][1] >= self.settle_seconds]

    def _upload(self, name: str, stamp: Stamp) -> None:
        generation = self.uploader.upload(self.folder / name, name)
        # The stamp from before: a file that was written to meanwhile differs from it and is uploaded again.
        self.state.put(name, stamp, generation)
        self._say(f"{name}: uploaded, {stamp.size} bytes, generation {generation}")

    def _delete(self, name: str) -> None:
        self.uploader.delete(name)
        self.state.remove(name)
        self._say(f"{name}: deleted")

    def _try[*Arguments](
        self, name: str, outcome: str, action: Callable[[*Arguments], None], *arguments: *Arguments
    ) -> None:
        try:
            action(*arguments)
        except Exception as error:  # the watcher outlives whatever an uploader or a disk may do
            self._say_once(name, f"{name} {outcome}; it is tried again ({type(error).__name__}: {error})")
        else:
            self._said.pop(name, None)

    def _say_unread(self, listing: Listing) -> None:
        for name, error in listing.unread.items():
            self._say_once(name, f"{self.folder / name} cannot be read, so it is taken as unchanged ({error.strerror})")

    def _say_once(self, name: str, line: str) -> None:
        if self._said.get(name) != line:
            self._said[name] = line
            self._say(line)

    def _say(self, line: str) -> None:
        # The terminal may be gone; the folder is watched all the same.
        with suppress(OSError, ValueError):
            self.log(line)
