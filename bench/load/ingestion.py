"""Follows the documents until all are ready or failed, and kills the stack on the way."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from bench.load.documents import Prepared
from bench.load.questions import Questions
from bench.load.rows import Rows, Seen
from bench.load.stack import KillableStack
from bench.load.uploads import Uploads
from local.errors import StartError
from local.process import Log

# Far longer than leases, deferrals and `reconcile` let anything stand still.
NO_PROGRESS_SECONDS = 400.0
# Uploads are soon over, and the first kill is to come among them.
_UPLOADING_POLL_SECONDS, _POLL_SECONDS = 0.02, 0.2
_FINISHED = ("ready", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When to kill: once so many files are in the bucket and so many documents are finished."""

    uploaded: int = 0
    finished: int = 0


def kill_moments(kills: int, files: int, random: Random) -> Iterator[Moment]:
    """The first comes amid the uploads; the others are spread over the way to the last document, one in each part."""
    if kills:
        yield Moment(uploaded=int(files * random.uniform(0.2, 0.8)))
    for part in range(kills - 1):
        yield Moment(finished=int(files * (part + random.random()) / (kills - 1)))


@dataclass(kw_only=True)
class Ingestion:
    """Files, by their names, on their way through the stack; `begun` is when the first upload was (monotonic)."""

    stack: KillableStack
    files: Mapping[str, Prepared]
    uploads: Uploads
    questions: Questions
    log: Log
    begun: float = field(default_factory=time.monotonic, init=False)
    finished: dict[str, float] = field(default_factory=dict, init=False)
    """Seconds from `begun` until a file's document was ready, or failed."""
    restarts: list[float] = field(default_factory=list, init=False)
    """Seconds from each start after a kill until the stack was ready."""

    def follow(self, moments: Iterable[Moment]) -> None:
        """Return when every document is ready or failed. Raises `StartError` (NO_PROGRESS, STACK_DIED)."""
        to_come = deque(moments)
        while to_come:
            self._follow_until(to_come.popleft())
            self._kill_and_start()
        self._follow_until(Moment(uploaded=len(self.files), finished=len(self.files)))

    def _follow_until(self, moment: Moment) -> None:
        moved, before = time.monotonic(), (0, 0)
        with Rows(self.stack.operator_environment()) as rows:
            while not self._has_come(moment):
                uploading = len(self.uploads.generations) < len(self.files)
                time.sleep(_UPLOADING_POLL_SECONDS if uploading else _POLL_SECONDS)
                self.stack.check()
                self.uploads.check()
                self._look(rows)
                now = len(self.uploads.generations), len(self.finished)
                if now != before:
                    moved, before = time.monotonic(), now
                elif time.monotonic() - moved > NO_PROGRESS_SECONDS:
                    raise self._standstill()

    def _standstill(self) -> StartError:
        missing = sorted(self.files.keys() - self.finished.keys())
        return StartError("NO_PROGRESS", f"Nothing moved for {NO_PROGRESS_SECONDS:g} s. Still missing: {missing}.")

    def _has_come(self, moment: Moment) -> bool:
        return len(self.uploads.generations) >= moment.uploaded and len(self.finished) >= moment.finished

    def _kill_and_start(self) -> None:
        self.stack.kill()
        done = f"{len(self.uploads.generations)} uploaded, {len(self.finished)} finished"
        self.restarts.append(self.stack.start())
        self.log(f"killed at {time.monotonic() - self.begun:.0f} s, {done}; ready again in {self.restarts[-1]:.1f} s")

    def _look(self, rows: Rows) -> None:
        """An older generation than the upload was answered with says nothing of the file."""
        documents = rows.documents()
        ready = []
        for name, uploaded in dict(self.uploads.generations).items():
            seen = documents.get(name, Seen(0, ""))
            if name not in self.finished and seen.generation >= uploaded and seen.status in _FINISHED:
                self.finished[name] = time.monotonic() - self.begun
                if seen.status == "ready":
                    ready.append(self.files[name])
        self.questions.became_ready(ready)
