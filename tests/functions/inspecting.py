"""The inspection of an installation of tests, of all of it or of one of its projects; and its repair."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from common.administration import Project
from common.bootstrap import Application
from common.inspection import EVERYTHING, Findings, Inspect, Violation, Within
from common.inspection.repair import Repair, Repaired
from common.model.chunks import ChunkOwner, chunk_id
from common.split_store import object_name
from tests.functions.events import event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK

# Three chunks in two batches.
TEXT = HANDBOOK[: HANDBOOK.index("## What")]
OTHER = TEXT.replace("43", "44")


def inspection(application: Application, where: Within = EVERYTHING) -> Inspect:
    """As an operator's command makes it, in pages of two."""
    return replace(application.inspection, page_size=2, within=where)


def repaired(application: Application, violations: Iterable[Violation]) -> list[Repaired]:
    """What a repair does about these; nothing that it sends is delivered yet."""
    repair = Repair(
        database=application.database,
        objects=application.objects,
        publisher=application.publisher,
        default=application.job_settings,
    )
    return list(repair(violations))


@dataclass(frozen=True)
class Place:
    """A project of a test's own, with the name of an object that belongs there."""

    installation: Installation
    project: Project
    name: str

    @property
    def application(self) -> Application:
        return self.installation.applications[0]

    @property
    def inspection(self) -> Inspect:
        """Of this project alone."""
        prefix = f"{self.project.team}/{self.project.name}/"
        return inspection(self.application, Within(project_id=self.project.id, prefixes=(prefix,)))

    def found(self, **changes: Any) -> Findings:
        return replace(self.inspection, **changes)()

    def found_by_the_impatient(self) -> Findings:
        """By who takes everything that is on its way for lost."""
        return self.found(stalled_seconds=0.0, grace_seconds=0.0)

    def repaired(self, findings: Findings) -> list[Repaired]:
        return repaired(self.application, findings.violations)

    def change(self, statement: str, content: dict[str, Any], **more: object) -> None:
        """Change what the database holds of a document, as none of our code does."""
        ids = {name: content[f"{name}_id"] for name in ("team", "project", "document", "job")}
        given = {name: value for name, value in ids.items() if f":{name}" in statement}
        self.installation.rows(statement, **given, **more)

    def live(self, text: str = TEXT) -> dict[str, Any]:
        """The registration of a generation that answers."""
        return self.installation.ingest(self.name, text).content

    def replaced(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The registrations of a generation that answered, and of the one that answers now."""
        return self.live(), self.live(OTHER)

    def purged(self) -> dict[str, Any]:
        """The registration of a generation that answered and was purged."""
        old, _ = self.replaced()
        self.purge(old)
        return old

    def deleted(self) -> dict[str, Any]:
        """The registration of a document that was deleted with its object."""
        content = self.live()
        self.remove_object()
        self.installation.accept("retire", self.installation.deleted(self.name, content["generation"]))
        self.installation.run()
        return content

    def purge(self, content: dict[str, Any]) -> None:
        """Let the grace of the document's retired jobs be over, and purge them."""
        age = "update ingestion_jobs set retired_at = retired_at - interval '1 minute' where document_id = :document"
        self.change(age, content)
        ids = {key: content[key] for key in ("team_id", "document_id")}
        self.installation.accept("retire", event("document-retired", ids, **ids))
        self.installation.run()

    def remove_object(self) -> None:
        """Nobody is told."""
        self.installation.storage.bucket(self.installation.bucket).blob(self.name).delete()

    def owner(self, content: dict[str, Any]) -> ChunkOwner:
        ids = {name: UUID(content[name]) for name in ("team_id", "project_id", "document_id", "job_id")}
        return ChunkOwner(**ids)


def reasons(findings: Findings) -> set[str]:
    return {violation.reason for violation in findings.violations}


type Break = Callable[[Place], object]
"""Makes a document, and takes something from it or adds something to it that none of our code would."""


def without_vectors(place: Place) -> None:
    content = place.live()
    place.application.index.remove(place.owner(content), [chunk_id(UUID(content["job_id"]), 2)])


def without_texts(place: Place) -> None:
    content = place.live()
    place.application.texts.delete(place.owner(content), [chunk_id(UUID(content["job_id"]), 0)])


def extraction_blob(place: Place, content: dict[str, Any]) -> Any:
    bucket = place.installation.storage.bucket(place.installation.extraction_bucket)
    return bucket.blob(object_name(UUID(content["job_id"])))


def without_extraction(place: Place) -> None:
    extraction_blob(place, place.live()).delete()


def with_late_vectors(place: Place) -> None:
    old = place.purged()
    vector = [1.0] + [0.0] * (place.application.embedder.dimensions - 1)
    place.application.index.upsert(place.owner(old), {chunk_id(UUID(old["job_id"]), 2): vector})


def with_late_texts(place: Place) -> None:
    old = place.purged()
    place.application.texts.put(place.owner(old), {chunk_id(UUID(old["job_id"]), 2): "late"})


def with_late_extraction(place: Place) -> None:
    extraction_blob(place, place.purged()).upload_from_string(b"late")
