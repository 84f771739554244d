"""Identities and decisions of the model, and of an object's registration."""

from __future__ import annotations

from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import registration
from common.errors import UndecodableError
from common.messages import ChunkBatch
from common.model.chunks import Chunk, ChunkBounds, chunk_id
from common.model.documents import (
    Document,
    JobSettings,
    JobStatus,
    ProjectSettings,
    SourceType,
    StoredObject,
    document_id,
    job_id,
)
from common.model.questions import Passage
from common.notifications import Notification, ObjectEvent, decode, encode

DEFAULT = JobSettings(chunk_size=240, chunk_overlap=32, embedding_model="model")
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def document(*, generation: int = 5, deleted: int | None = None, living: bool = True) -> Document:
    return Document(
        id=UUID(int=1),
        team_id=UUID(int=2),
        project_id=UUID(int=3),
        bucket="b",
        object_name="o",
        title="o",
        size=10,
        generation=generation,
        deleted_generation=deleted,
        wanted_job_id=UUID(int=4),
        active_job_id=None,
        source_type=SourceType.UPLOAD,
        project_living=living,
    )


def test_ids_are_the_same_each_time_and_for_nothing_else() -> None:
    project = uuid4()
    documents = [document_id(project, "b", "o"), document_id(project, "b", "p"), document_id(uuid4(), "b", "o")]
    jobs = [job_id(each, generation, run) for each in documents for generation in (1, 11) for run in (1, 2)]
    chunks = [chunk_id(each, index) for each in jobs for index in (0, 1, 10)]
    assert len({*documents, *jobs, *chunks}) == len(documents) + len(jobs) + len(chunks)
    assert document_id(project, "b", "o") == documents[0]
    assert job_id(documents[0], 1, 1) == jobs[0]
    assert chunk_id(jobs[0], 0) == chunks[0]


@pytest.mark.parametrize(
    ("row", "living"),
    [
        (document(), True),
        (document(generation=0), False),
        (document(deleted=4), True),
        (document(deleted=5), False),
        (document(deleted=6), False),
        (document(living=False), False),
    ],
)
def test_only_the_wanted_job_of_a_living_document_is_wanted(row: Document, living: bool) -> None:
    assert row.living is living
    assert row.wants(UUID(int=4)) is living
    assert not row.wants(UUID(int=5))


@pytest.mark.parametrize(("generation", "deleted"), [(3, True), (4, True), (5, False)])
def test_a_deletion_is_of_its_generation_and_all_before(generation: int, deleted: bool) -> None:
    assert document(deleted=4).is_deleted(generation) is deleted
    assert not document().is_deleted(generation)


def test_a_job_is_finished_when_it_succeeded_or_failed() -> None:
    assert {status for status in JobStatus if status.finished} == {JobStatus.SUCCEEDED, JobStatus.FAILED}


@given(st.integers(0, 50), st.lists(st.integers(1, 400), unique=True).map(sorted), st.integers(0, 300))
def test_a_characters_page_counts_the_breaks_before_it(start: int, breaks: list[int], char: int) -> None:
    passage = Passage(
        number=1,
        chunk_id=UUID(int=1),
        document_id=UUID(int=1),
        title="t",
        heading_path=(),
        text="x" * 301,
        char_start=start,
        page_start=3,
        page_breaks=tuple(breaks),
        score=None,
    )
    assert passage.page_of(char) == 3 + sum(place <= start + char for place in breaks)


@pytest.mark.parametrize(
    ("project", "size", "overlap"),
    [
        (ProjectSettings(), 240, 32),
        (ProjectSettings(chunk_size=100), 100, 32),
        (ProjectSettings(chunk_overlap=0), 240, 0),
        (ProjectSettings(chunk_size=64, chunk_overlap=8, top_k=3), 64, 8),
    ],
)
def test_a_job_takes_the_projects_own_settings(project: ProjectSettings, size: int, overlap: int) -> None:
    expected = JobSettings(chunk_size=size, chunk_overlap=overlap, embedding_model="model")
    assert registration.job_settings(project, DEFAULT) == expected


@pytest.mark.parametrize(
    ("metadata", "source", "title"),
    [
        ({}, SourceType.UPLOAD, "file.pdf"),
        ({"source-type": "url", "title": "Stated"}, SourceType.URL, "Stated"),
        ({"source-type": "manual", "title": ""}, SourceType.MANUAL, "file.pdf"),
        ({"source-type": "teleport"}, SourceType.UPLOAD, "file.pdf"),
    ],
)
def test_an_object_says_how_it_came_in(metadata: dict[str, str], source: SourceType, title: str) -> None:
    stored = StoredObject("b", "team/project/path/file.pdf", 1, 2, metadata=metadata)
    assert (registration.source_type(stored), registration.title(stored)) == (source, title)
    assert stored.uri == "gs://b/team/project/path/file.pdf"


objects = st.builds(
    StoredObject,
    names,
    names,
    st.integers(0, 2**63),
    st.integers(0, 2**50),
    st.none() | names,
    st.dictionaries(names, names),
)


@given(st.sampled_from(ObjectEvent), objects)
def test_a_notification_is_read_as_it_was_written(event: ObjectEvent, stored: StoredObject) -> None:
    body, attributes = encode(event, stored)
    assert decode(body, attributes) == Notification(event.value, stored)
    assert attributes["eventType"] == event


def test_a_notification_of_cloud_storage_is_read() -> None:
    body = (
        b'{"kind":"storage#object","name":"t/p/f","bucket":"b","generation":"17","size":"3","contentType":"text/plain"}'
    )
    assert decode(body, {}) == Notification("", StoredObject("b", "t/p/f", 17, 3, "text/plain"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"name":"\xff","bucket":"b","generation":"1"}',
        b'{"name":"","bucket":"b","generation":"1"}',
        b'{"name":"n","bucket":"b","generation":"one"}',
        b'{"name":"n","bucket":"b","generation":"' + b"1" * 5000 + b'"}',
    ],
)
def test_what_is_no_notification_is_undecodable(body: bytes) -> None:
    with pytest.raises(UndecodableError, match="Not a notification"):
        decode(body, {})


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 2**31))
def test_a_message_travels_as_it_is(text: str, index: int) -> None:
    bounds = ChunkBounds(
        char_start=0,
        char_end=len(text),
        page_start=1,
        page_end=1,
        heading_path=(text,),
        token_count=1,
        page_breaks=(3,),
    )
    message = ChunkBatch(
        team_id=uuid4(),
        document_id=uuid4(),
        project_id=uuid4(),
        job_id=uuid4(),
        settings=DEFAULT,
        batch_index=index,
        title=text,
        chunks=(Chunk(index=index, bounds=bounds, text=text),),
    )
    assert msgspec.json.decode(msgspec.json.encode(message), type=ChunkBatch) == message
    assert message.attributes()["batch_index"] == str(index)
    assert message.owner.job_id == message.job_id
