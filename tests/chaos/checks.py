"""What must hold at every moment of a run: after each commit, and in each answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.chaos.scenario import text_of
from tests.chaos.tasks import Task
from tests.chaos.world import World

_LIVE = """
select d.id, d.object_name, d.generation, coalesce(d.deleted_generation, 0) as deleted_generation,
    a.generation as active_generation, a.run as active_run, a.status::text as status, a.total_chunks,
    w.generation as wanted_generation, c.chunks, c.first, c.last, c.strange, t.texts
from documents d
join projects p on p.id = d.project_id and p.deleted_at is null
left join ingestion_jobs a on a.id = d.active_job_id
left join ingestion_jobs w on w.id = d.wanted_job_id
left join lateral (
    select count(*) as chunks, min(chunk_index) as first, max(chunk_index) as last,
        count(*) filter (where c.team_id <> d.team_id or c.project_id <> d.project_id) as strange
    from document_chunks c where c.job_id = a.id and c.retired_at is null
) c on true
left join lateral (select count(*) as texts from chunk_texts t where t.job_id = a.id) t on true
order by d.object_name, d.id
"""

# Reasons with which a delivery may fail although nothing went wrong in it: it waited for one that something befell.
_WAITED = ("JOB_LEASED", "BATCH_LEASED", "LEASE_LOST", "NOT_VISIBLE")


@dataclass(frozen=True)
class Violation:
    """Something that must not be."""

    reason: str
    text: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.text}"


class Checks:
    """The invariants of a run; each that is broken is told once."""

    def __init__(self, world: World, violations: list[Violation]) -> None:
        self._world, self._violations = world, violations
        self._seen = set[tuple[str, str]]()
        self._active: dict[UUID, tuple[int, int]] = {}
        self.count = 0
        world.rows(f"prepare live as {_LIVE}")

    def wrong(self, reason: str, text: str) -> None:
        """Tell of a violation."""
        if (reason, text) not in self._seen:
            self._seen.add((reason, text))
            self._world.scheduler.say("!!", f"{reason}: {text}")
            self._violations.append(Violation(reason, text))

    def hold(self, holds: object, reason: str, text: str) -> None:
        """Count an invariant that was looked at, and tell if it is broken."""
        self.count += 1
        if not holds:
            self.wrong(reason, text)

    def answered(self, task: Task, code: int, text: str) -> None:
        """A delivery or a request was answered so."""
        late = task.group.after_death
        self.hold(not late, "WORKS_AFTER_DEATH", f"{task.name} died and still asks for {', '.join(late)}.")
        if task.group.dead:
            return
        told = " ".join([f"{task.name} answers {code} {text[:80].strip()}", *task.group.errors])
        if task.error is not None:
            self.hold(task.group.faults, "UNEXPECTED_ERROR", f"{task.name}: {task.error!r}")
            return
        unexpected = code in {400, 500} or "INTERNAL" in text
        self.hold(not unexpected, "UNEXPECTED_ERROR", told)
        if code >= 500 and not unexpected:
            self.hold(task.group.faults or text in _WAITED, "UNEXPECTED_ERROR", f"{told} without a fault")

    def read(self, name: str, task: Task) -> None:
        """Somebody listed a document's chunks."""
        code, text = task.outcome or (0, "")
        if code != 200 or task.group.faults:
            return
        chunks = json.loads(text)["chunks"]
        whole = [chunk["index"] for chunk in chunks] == list(range(len(chunks)))
        self.hold(whole, "READ_IN_PART", f"{name} is shown with the chunks {[chunk['index'] for chunk in chunks]}.")
        written = [text_of(content) for (of, _), content in self._world.bucket.written.items() if of == name]
        alike = any(all(chunk["text"] and chunk["text"] in content for chunk in chunks) for content in written)
        self.hold(alike, "READ_MIXED", f"{name} is shown with texts that no version of it had together.")

    def after_commit(self) -> None:
        """What no caller may ever see."""
        for row in self._world.rows("execute live"):
            name, active = row["object_name"], row["active_generation"]
            last = self._active.get(row["id"], (0, 0))
            if active is None:
                deleted = row["deleted_generation"] >= last[0]
                self.hold(deleted, "ANSWERS_LOST", f"{name} answered in g{last[0]} and no longer does.")
            else:
                self._answering(row, last)
                self._active[row["id"]] = (active, row["active_run"])
            self._wanting(row)

    def _answering(self, row: dict[str, Any], last: tuple[int, int]) -> None:
        name, active, total = row["object_name"], row["active_generation"], row["total_chunks"]
        whole = (row["chunks"], row["first"], row["last"], row["strange"]) == (total, 0, (total or 0) - 1, 0)
        told = f"{name} g{active} answers with {row['chunks']} chunks and {row['texts']} texts of {total}."
        self.hold(whole, "NOT_WHOLE", told)
        self.hold(self._world.texts_elsewhere or row["texts"] == total, "NOT_WHOLE", told)
        self.hold(row["status"] == "succeeded", "NOT_SUCCEEDED", f"{name} g{active} answers and is {row['status']}.")
        now = (active, row["active_run"])
        told = f"{name} answered in g{last[0]}r{last[1]} and now in g{now[0]}r{now[1]}."
        self.hold(now >= last, "WENT_BACK", told)
        deleted = row["deleted_generation"]
        self.hold(active > deleted, "DELETED_ANSWERS", f"{name} answers in g{active}, deleted up to g{deleted}.")

    def _wanting(self, row: dict[str, Any]) -> None:
        name, newest, wanted = row["object_name"], row["generation"], row["wanted_generation"]
        if wanted is not None and wanted != newest:
            written = self._world.bucket.written
            alike = written[name, wanted] == written[name, newest]
            self.hold(alike, "WANTS_OLDER", f"{name} is at g{newest} and wants g{wanted}.")
