"""What must hold at the end of a run: when all mail is delivered, and when `reconcile` has nothing left to do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from common import split_store
from common.model.chunks import Split, chunk_id
from tests.chaos import scenario
from tests.chaos.bucket import EXTRACTIONS
from tests.chaos.checks import Checks
from tests.chaos.world import World

_DOCUMENTS = """
select d.id, d.object_name as name, d.generation, coalesce(d.deleted_generation, 0) as deleted_generation,
    d.status::text as status, t.name as team, p.name as project, d.project_id, d.team_id,
    p.deleted_at is null and t.deleted_at is null as project_living, d.active_job_id, a.total_chunks,
    w.status::text as wanted_status, w.reason
from documents d
join projects p on p.id = d.project_id
join teams t on t.id = d.team_id
left join ingestion_jobs a on a.id = d.active_job_id
left join ingestion_jobs w on w.id = d.wanted_job_id
order by d.object_name, d.id
"""
_BOUNDS = "select chunk_index, char_start, char_end from document_chunks where job_id = :job order by chunk_index"
_UNFINISHED = """
select 1 from documents d join ingestion_jobs j on j.id = d.wanted_job_id where j.status in ('queued', 'running')
union all
select 1 from ingestion_jobs where unwanted_since is not null and not purge_closed
union all
select 1 from deletions where completed_at is null
"""
_LIVING_PROJECTS = """
select t.name as team, t.id as team_id, p.name as project, p.id as project_id
from projects p join teams t on t.id = p.team_id where p.deleted_at is null and t.deleted_at is null
"""
# Those that send messages without being sent one, so that nothing tells what they are at work on.
_UNASKED = frozenset({"api", "operator", "reconcile"})


class Ending:
    """The checks of a world's end. `excused` are objects of which a request died that nobody repeats."""

    def __init__(self, world: World, checks: Checks) -> None:
        self._world, self._hold = world, checks.hold
        self.excused: set[str] = set()

    def is_at_rest(self) -> bool:
        """True if nothing is unfinished, and nothing is to be removed, or removed again."""
        return not self._world.rows(_UNFINISHED)

    def without_reconcile(self) -> None:
        """Whatever a message was responsible for is ended once no message about it is left."""
        if any(task.group.function in _UNASKED for task in self._world.scheduler.tasks):
            return
        under_way = [owed.name for owed in self._world.mail.owed]
        under_way += [task.name for task in self._world.scheduler.tasks]
        for row in self._world.rows(_DOCUMENTS):
            living = row["project_living"] and row["generation"] > row["deleted_generation"]
            unfinished = living and row["wanted_status"] in {"queued", "running"}
            told = f"{row['name']} g{row['generation']}"
            if unfinished and not self._is_excused(row["name"]):
                self._hold(any(told in name for name in under_way), "STUCK", f"{told}: its job is left without mail.")

    def at_rest(self) -> None:
        """`reconcile` has nothing left to do."""
        rows = self._world.rows(_DOCUMENTS)
        findings = self._world.installation.applications[0].inspection()
        for found in findings.violations:
            self._hold(False, found.reason, f"{found.subject}: {found.message}")
        self._hold(findings.at_rest, "IN_FLIGHT", f"The checker finds {findings.in_flight} things in flight.")
        for name, stored in sorted(self._world.bucket.living.items()):
            self._living_object(name, stored.generation, [row for row in rows if row["name"] == name])
        answering = [row for row in rows if row["project_living"] and row["active_job_id"] is not None]
        for row in answering:
            self._answer(row)
        self._held(answering)

    def _living_object(self, name: str, generation: int, rows: list[dict[str, Any]]) -> None:
        project = self._project_of(name)
        if project is None:
            return
        here = [row for row in rows if row["project_id"] == project]
        if not here:
            seen = any(max(row["generation"], row["deleted_generation"]) >= generation for row in rows)
            self._hold(seen, "NEVER_SEEN", f"{name} g{generation} is in the bucket and is no document.")
            return
        (row,) = here
        elsewhere = any(
            max(row["generation"], row["deleted_generation"]) >= generation for row in rows if row not in here
        )
        newest = row["generation"] == generation and row["deleted_generation"] < generation
        self._hold(
            newest or elsewhere, "NOT_NEWEST", f"{name} is at g{generation}, its document at g{row['generation']}."
        )
        if newest:
            given_up = row["wanted_status"] == "failed" and self._is_excused(name)
            ended = row["wanted_status"] == "succeeded" or given_up
            told = f"{name} g{generation} ended {row['wanted_status']} {row['reason']}, document {row['status']}."
            self._hold(ended, "NOT_READY", told)
            self._hold(row["status"] == ("ready" if row["wanted_status"] == "succeeded" else "failed"), "STATUS", told)

    def _answer(self, row: dict[str, Any]) -> None:
        """What answers is what is in the bucket, unless that failed."""
        name = row["name"]
        stored = self._world.bucket.living.get(name)
        if stored is None:
            self._hold(False, "DELETED_ANSWERS", f"{name} is not in the bucket and answers.")
            return
        split = self._split(row["active_job_id"])
        self._hold(split is not None, "EXTRACTION_MISSING", f"{name} answers and has no extraction.")
        if split is None:
            return
        text = split.extraction.text
        if row["wanted_status"] == "succeeded":
            right = text == scenario.text_of(self._world.bucket.written[name, stored.generation])
            self._hold(right, "WRONG_ANSWER", f"{name} g{stored.generation} answers with another version's text.")
        found = [(each["char_start"], each["char_end"]) for each in self._world.rows(_BOUNDS, job=row["active_job_id"])]
        kept = [(chunk.char_start, chunk.char_end) for chunk in split.chunks]
        self._hold(found == kept, "SPLIT_TWICE", f"{name} has the chunks {found}, and the extraction {kept}.")
        covered = bool(kept) and kept[0][0] == 0 and kept[-1][1] == len(text)
        self._hold(covered, "NOT_COVERED", f"{name}: the chunks are not the whole of the text.")
        texts = self._world.texts(row["team_id"], row["project_id"], row["active_job_id"], len(kept))
        alike = texts == [text[start:end] for start, end in kept]
        self._hold(alike, "TEXTS_DIFFER", f"{name}: the chunk texts are not those of the extraction.")

    def _held(self, answering: list[dict[str, Any]]) -> None:
        """Index, texts and rows hold exactly what answers."""
        live = {chunk_id(row["active_job_id"], index) for row in answering for index in range(row["total_chunks"] or 0)}
        for part, held in self._world.holdings().items():
            self._hold(live <= held, "MISSING", f"{part}: {len(live - held)} chunks that answer are not there.")
            self._hold(
                held <= live, "LEFT_OVER", f"{part}: {len(held - live)} chunks are left that nothing answers with."
            )
        wanted = {split_store.folder(row["active_job_id"]) for row in answering}
        found = self._world.bucket.list_page(EXTRACTIONS, "", "", 1000)
        kept = {split_store.folder(UUID(each.name.split("/")[1])) for each in found}
        self._hold(kept <= wanted, "LEFT_OVER", f"{len(kept - wanted)} extractions are left that nothing answers with.")

    def _split(self, job: UUID) -> Split | None:
        return split_store.read(self._world.bucket, EXTRACTIONS, job)

    def _is_excused(self, name: str) -> bool:
        return name in self.excused or any(f" {name}" in given_up for given_up in self._world.mail.given_up)

    def _project_of(self, name: str) -> UUID | None:
        """The living project that the name leads to."""
        team, project, _ = name.split("/", 2)
        for row in self._world.rows(_LIVING_PROJECTS):
            if team in {row["team"], str(row["team_id"])} and project in {row["project"], str(row["project_id"])}:
                found: UUID = row["project_id"]
                return found
        return None
