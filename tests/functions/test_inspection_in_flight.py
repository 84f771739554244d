"""The inspection beside the work: what is on its way is no violation, at whatever step it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, product
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.adapters.postgres.vectors import PgVectorIndex
from common.inspection import Findings
from common.model.chunks import ChunkOwner, chunk_id
from common.model.documents import document_id
from tests.functions.inspecting import OTHER, TEXT, Place
from tests.functions.installation import Installation

_numbers = count(1)


@pytest.fixture
def place(installation: Installation) -> Place:
    project = installation.project("acme", f"docs-{next(_numbers)}")
    return Place(installation, project, f"acme/{project.name}/{uuid4()}.md")


def step_by_step(place: Place, body: dict[str, Any], function: str) -> Iterator[Findings]:
    """What is found before the push is delivered, and after each delivery that it leads to."""
    waiting = [(function, body)]
    while waiting:
        yield place.found()
        name, push = waiting.pop(0)
        published = place.installation.accept(name, push)
        waiting += [(place.installation.topics.function_of(each), each.body) for each in published]
    yield place.found()


def test_a_document_on_its_way_is_in_flight_at_every_step_until_it_is_ready(place: Place) -> None:
    finalized = place.installation.finalized(place.name, place.installation.upload(place.name, TEXT))
    *on_the_way, ready = step_by_step(place, finalized, "intake")
    assert [found.violations for found in (*on_the_way, ready)] == [()] * 7
    assert [found.in_flight for found in on_the_way] == [1] * 6
    assert (ready.at_rest, ready.chunks) == (True, 3)


def test_an_overwrite_is_in_flight_at_every_step_and_the_old_one_until_its_purge(place: Place) -> None:
    old = place.live()
    finalized = place.installation.finalized(place.name, place.installation.upload(place.name, OTHER))
    steps = list(step_by_step(place, finalized, "intake"))
    assert [found.violations for found in steps] == [()] * len(steps)
    assert not any(found.at_rest for found in steps)
    place.purge(old)
    assert place.found() == Findings(documents=1, objects=1, jobs=2, chunks=3, in_flight=0, violations=())


def test_a_document_is_deleted_in_the_middle_of_everything_without_a_violation(place: Place) -> None:
    registered = place.installation.register(place.name, TEXT)
    waiting = [registered]
    for step in range(5):
        if step == 2:
            place.remove_object()
            waiting += place.installation.accept(
                "retire", place.installation.deleted(place.name, registered.content["generation"])
            )
        published = waiting.pop(0)
        waiting += place.installation.accept(place.installation.topics.function_of(published), published.body)
        assert place.found().violations == ()
    for published in waiting:
        place.installation.deliver(place.installation.topics.function_of(published), published.body)
        assert place.found().violations == ()
    place.installation.run()
    assert place.found().violations == ()


def test_a_deletion_is_in_flight_until_it_was_purged(place: Place) -> None:
    content = place.live()
    place.remove_object()
    deleted = place.installation.deleted(place.name, content["generation"])
    _, *steps = step_by_step(place, deleted, "retire")
    assert [found.violations for found in steps] == [()] * len(steps)
    assert not any(found.at_rest for found in steps)
    place.purge(content)
    assert place.found() == Findings(documents=1, objects=0, jobs=1, chunks=0, in_flight=0, violations=())


class InterferingIndex(PgVectorIndex):
    """The index, before whose answers these things happen, one each."""

    def __init__(self, place: Place, *happenings: Callable[[], object]) -> None:
        super().__init__(place.application.engine)
        self._happenings = list(happenings)

    def visible(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> frozenset[UUID]:
        if self._happenings:
            self._happenings.pop(0)()
        return super().visible(owner, chunk_ids)


def nothing() -> None:
    """All stays as it is."""


def replace_and_purge(place: Place, old: dict[str, Any]) -> None:
    place.live(OTHER)
    place.purge(old)


def without_a_vector(place: Place) -> tuple[dict[str, Any], UUID]:
    """A document that answers, and the chunk whose vector was lost."""
    content = place.live()
    lost = chunk_id(UUID(content["job_id"]), 1)
    place.application.index.remove(place.owner(content), [lost])
    return content, lost


def test_what_is_replaced_and_purged_between_rows_and_index_is_no_violation(place: Place) -> None:
    old = place.live()
    found = place.found(index=InterferingIndex(place, lambda: replace_and_purge(place, old)))
    assert (found.violations, found.in_flight) == ((), 1)
    assert place.found().at_rest


def test_what_changes_between_the_second_look_s_rows_and_its_end_is_no_violation(place: Place) -> None:
    content, _ = without_a_vector(place)
    found = place.found(index=InterferingIndex(place, nothing, lambda: replace_and_purge(place, content)))
    assert (found.violations, found.in_flight) == ((), 1)


def test_a_vector_that_shows_a_little_later_is_no_violation(place: Place) -> None:
    content, lost = without_a_vector(place)
    vector = [1.0] + [0.0] * (place.application.embedder.dimensions - 1)

    def show() -> None:
        place.application.index.upsert(place.owner(content), {lost: vector})

    found = place.found(settle=show)
    assert (found.violations, found.in_flight) == ((), 1)


def test_an_object_whose_event_comes_a_little_later_is_no_violation(place: Place) -> None:
    finalized = place.installation.finalized(place.name, place.installation.upload(place.name, TEXT))
    found = place.found(stalled_seconds=0.0, settle=lambda: place.installation.accept("intake", finalized))
    assert (found.violations, found.in_flight) == ((), 1)


def test_an_object_that_is_gone_before_its_event_comes_is_no_violation(place: Place) -> None:
    place.installation.upload(place.name, TEXT)
    found = place.found(stalled_seconds=0.0, settle=place.remove_object)
    assert (found.violations, found.in_flight) == ((), 1)


def test_a_deletion_whose_event_comes_a_little_later_is_no_violation(place: Place) -> None:
    content = place.live()
    place.remove_object()
    deleted = place.installation.deleted(place.name, content["generation"])
    found = place.found(settle=lambda: place.installation.accept("retire", deleted))
    assert (found.violations, found.in_flight) == ((), 1)


@dataclass(frozen=True)
class History:
    """A document, and what may become of it; each is carried to its end."""

    place: Place
    name: str
    versions: Iterator[int] = field(default_factory=lambda: count(1))

    def overwrite(self) -> None:
        self.place.installation.ingest(self.name, f"The tower is {next(self.versions)} metres tall, says {self.name}.")

    def same(self) -> None:
        """The bytes that are there once more, if any are."""
        blob = self.place.installation.storage.bucket(self.place.installation.bucket).get_blob(self.name)
        self.place.installation.ingest(self.name, b"Once more." if blob is None else blob.download_as_bytes())

    def empty(self) -> None:
        self.place.installation.ingest(self.name, "")

    def reprocess(self) -> None:
        self.place.installation.caller("acme")("POST", f"/v1/documents/{self.document}:reprocess")
        self.place.installation.run()

    def delete(self) -> None:
        [row] = self.place.installation.rows("select generation from documents where id = :id", id=self.document)
        self.place.installation.storage.bucket(self.place.installation.bucket).delete_blobs(
            [self.name], on_error=lambda _: None
        )
        self.place.installation.accept("retire", self.place.installation.deleted(self.name, row["generation"]))
        self.place.installation.run()

    @property
    def document(self) -> UUID:
        return document_id(self.place.project.id, self.place.installation.bucket, self.name)


ACTIONS = (History.overwrite, History.same, History.empty, History.reprocess, History.delete)


def let_time_pass(place: Place) -> None:
    """Every grace is over, and `reconcile` has found all that was left for it."""
    later = "update {0} set {1} = {1} - interval '10 minutes' where document_id in (select id from documents where {2})"
    for table, column in (("ingestion_jobs", "retired_at"), ("deletions", "requested_at")):
        place.installation.rows(later.format(table, column, "project_id = :id"), id=place.project.id)
    for _ in range(3):
        assert place.installation.functions["reconcile"].post("/").status_code == 200
        place.installation.run()


@pytest.mark.parametrize("length", [1, pytest.param(2, marks=pytest.mark.full)])
def test_whatever_becomes_of_documents_at_rest_nothing_is_violated(place: Place, length: int) -> None:
    for number, actions in enumerate(product(ACTIONS, repeat=length)):
        history = History(place, f"{place.name}-{number}")
        history.overwrite()
        for action in actions:
            action(history)
    found = place.found()
    assert found.violations == ()
    assert (found.documents, found.at_rest) == (len(ACTIONS) ** length, False)
    let_time_pass(place)
    assert place.found().violations == ()
    assert place.found().at_rest
    place.installation.administration.delete_project("acme", place.project.name)
    assert place.found().violations == ()
    for _ in range(2):
        let_time_pass(place)
    found = place.found()
    assert (found.violations, found.in_flight, found.chunks) == ((), 0, 0)
    assert place.found_by_the_impatient().violations == ()
