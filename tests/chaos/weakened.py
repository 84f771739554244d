"""The protocol without one of its guards: what the suite has to find. Nothing but the suite applies these.

A patch replaces text in the source of one function, method or statement, which must be there exactly once.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import pytest
from sqlalchemy import text

from common import registration
from common.adapters import google_storage
from common.adapters.postgres import documents as document_rows
from common.adapters.postgres import jobs
from common.model import documents
from functions.chunk import use_case as chunk
from functions.intake import use_case as intake
from functions.record import use_case as record
from functions.retire import use_case as retire


@dataclass(frozen=True)
class Patch:
    """In `place`, a function, `Class.method` or statement of the module, `new` for `old`."""

    module: ModuleType
    place: str
    old: str
    new: str

    @contextmanager
    def applied(self) -> Iterator[None]:
        found: Any = self.module
        for name in self.place.split("."):
            found = inspect.getattr_static(found, name)
        with pytest.MonkeyPatch.context() as patch:
            if isinstance(found, FunctionType | staticmethod | property):
                function: Any = getattr(found, "__func__", None) or getattr(found, "fget", None) or found
                patch.setattr(function, "__code__", self._weaker(function))
            else:
                patch.setattr(self.module, self.place, text(self._replaced(str(found))))
            yield

    def _weaker(self, function: FunctionType) -> Any:
        """The code of the function with the replacement: put into the function itself, it is so for all who know it."""
        source = textwrap.dedent(inspect.getsource(function))
        source = "\n".join(line for line in source.split("\n") if not line.startswith("@"))
        scope = dict(function.__globals__)
        future = "from __future__ import annotations\n"
        exec(compile(future + self._replaced(source), str(function), "exec"), scope)  # noqa: S102 - our own source
        return scope[function.__name__].__code__

    def _replaced(self, source: str) -> str:
        if source.count(self.old) != 1:
            raise LookupError(
                f"{self.place} has {self.old!r} {source.count(self.old)} times: adapt this weakness to it."
            )
        return source.replace(self.old, self.new)


WEAKNESSES: dict[str, tuple[Patch, ...]] = {
    "job-lock": (Patch(jobs, "_LOCK", " for no key update", ""),),
    "generation": (
        Patch(
            registration,
            "register",
            " or stored.generation < document.generation:\n        return None\n    new = stored.generation >",
            ":\n        return None\n    new = stored.generation !=",
        ),
        Patch(retire, "RetireObject._delete", " or stored.generation < document.generation", ""),
        Patch(document_rows, "_DELETE", " and generation <= :generation", ""),
    ),
    "split-once": (Patch(google_storage, "GoogleObjectStore.create", "if_generation_match=0, ", ""),),
    "commit-before-publish": (
        Patch(
            intake,
            "take_in",
            "    if registered is not None:\n        registered.log()\n        publisher.publish([registered.message])",
            "        if registered is not None:\n            publisher.publish([registered.message])",
        ),
        Patch(
            chunk,
            "ChunkDocument._commit",
            "        transaction.batches.create(job, total, self.batch_size)",
            "        transaction.batches.create(job, total, self.batch_size)\n"
            "        self.publisher.publish(_waiting(message, content, transaction.batches.of_job(job.id)))",
        ),
        Patch(
            record,
            "RecordBatch._go_live",
            "        live = transaction.jobs.go_live(document, job.id)",
            "        live = transaction.jobs.go_live(document, job.id)\n"
            "        self.publisher.publish([DocumentRetired(team_id=message.team_id, document_id=document.id)])",
        ),
    ),
    # A job that is wanted no more also ends where another becomes wanted.
    "wanted-job": (
        Patch(documents, "Document.wants", "self.living and self.wanted_job_id == job", "self.living"),
        Patch(jobs, "_SUPERSEDE", "where document_id", "where false and document_id"),
    ),
}


@contextmanager
def weakened(name: str) -> Iterator[None]:
    """While it lasts, the protocol lacks this guard."""
    with ExitStack() as patches:
        for patch in WEAKNESSES[name]:
            patches.enter_context(patch.applied())
        yield
