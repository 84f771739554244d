"""Leases kept, splits stored, logs written."""

from __future__ import annotations

import json
import logging
from queue import Queue
from threading import Event
from typing import cast
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import lease, page_store, split_store, telemetry, tracing
from common.errors import Retryable
from common.extraction.outline import OutlineEntry
from common.extraction.pages import PageRange, decoded
from common.model.chunks import ChunkBounds, Extraction, Heading, Split
from common.model.documents import StoredObject
from common.ports import ObjectStore
from common.tracing import Trace

PATIENCE = 10.0
texts = st.text(st.characters(exclude_categories=["Cs"]))


class MemoryObjects:
    """The part of an object store that splits need."""

    def __init__(self) -> None:
        self.contents: dict[tuple[str, str], bytes] = {}
        self.forgetful = False

    def read(self, bucket: str, name: str) -> bytes | None:
        return self.contents.get((bucket, name))

    def create(self, bucket: str, name: str, content: bytes, content_type: str) -> bool:
        assert content_type == "application/gzip"
        if self.forgetful or (bucket, name) in self.contents:
            return False
        self.contents[bucket, name] = content
        return True

    def delete(self, bucket: str, name: str, generation: int | None = None) -> None:
        assert generation is None
        self.contents.pop((bucket, name), None)

    def list_page(self, bucket: str, prefix: str, start_after: str, limit: int) -> list[StoredObject]:
        names = sorted(name for place, name in self.contents if place == bucket and name.startswith(prefix))
        return [StoredObject(bucket, name, 1, 0) for name in names if name > start_after][: min(limit, 2)]


def pages(start: int, end: int, words: str = "words") -> PageRange:
    return PageRange(
        mime_type="application/pdf",
        start=start,
        total=20,
        pages=tuple([f"{words} of page {number}"] if number % 3 else None for number in range(start, end)),
        outline=(OutlineEntry(1, "A title", 0),),
        title="A title",
    )


def split(text: str) -> Split:
    bounds = ChunkBounds(
        char_start=0, char_end=len(text), page_start=1, page_end=1, heading_path=(text,), token_count=3
    )
    extraction = Extraction(
        mime_type="text/plain",
        text=text,
        page_starts=(0,),
        headings=(Heading(1, text, 0),),
        title=None,
        warnings=(text,),
    )
    return Split(extraction=extraction, title=text, sha256="00", chunks=(bounds,))


@given(texts, st.uuids())
def test_a_split_is_read_as_it_was_written_until_it_is_deleted(text: str, job: UUID) -> None:
    memory = MemoryObjects()
    objects = cast(ObjectStore, memory)
    assert split_store.read(objects, "b", job) is None
    assert split_store.write_once(objects, "b", job, split(text)) == split(text)
    assert split_store.read(objects, "b", job) == split(text)
    page_store.write_once(objects, "b", job, pages(0, 1))
    page_store.write_once(objects, "b", job, pages(1, 2))
    assert split_store.is_there(objects, "b", job)
    split_store.delete(objects, "b", job)
    split_store.delete(objects, "b", job)
    assert not split_store.is_there(objects, "b", job)
    assert memory.contents == {}


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5)), max_size=12), st.uuids())
def test_stored_pages_are_found_as_far_as_they_follow_each_other(written: list[tuple[int, int]], job: UUID) -> None:
    objects = cast(ObjectStore, MemoryObjects())
    for start, count in written:
        page_store.write_once(objects, "b", job, pages(start, start + count))
        page_store.write_once(objects, "b", uuid4(), pages(0, 20))
    found = page_store.stored(objects, "b", job)
    assert [each.start for each in found] == [0, *(each.end for each in found)][: len(found)]
    reached = found[-1].end if found else 0
    assert reached not in {start for start, _ in written}
    for each in found:
        content = objects.read("b", each.name)
        assert content is not None
        assert decoded(content) == pages(each.start, each.end)


def test_the_pages_that_were_written_first_are_kept() -> None:
    objects, job = cast(ObjectStore, MemoryObjects()), uuid4()
    first, second = pages(0, 2), pages(0, 2, words="other")
    for each in (first, second):
        page_store.write_once(objects, "b", job, each)
    [kept] = page_store.stored(objects, "b", job)
    content = objects.read("b", kept.name)
    assert content is not None
    assert decoded(content) == first


def test_the_first_split_is_kept_whatever_comes_later() -> None:
    objects, job = cast(ObjectStore, MemoryObjects()), uuid4()
    split_store.write_once(objects, "b", job, split("first"))
    assert split_store.write_once(objects, "b", job, split("second")) == split("first")
    assert split_store.write_once(objects, "b", uuid4(), split("second")) == split("second")


def test_a_split_that_vanishes_between_is_an_error() -> None:
    memory = MemoryObjects()
    memory.forgetful = True
    with pytest.raises(LookupError, match="was there and is gone"):
        split_store.write_once(cast(ObjectStore, memory), "b", uuid4(), split("x"))


def test_a_lease_is_renewed_again_and_again_while_work_goes_on() -> None:
    renewed = Event()
    times: list[int] = []

    def renew() -> bool:
        times.append(1)
        if len(times) == 3:
            renewed.set()
        return True

    with lease.kept(renew, lease_seconds=0.03):
        assert renewed.wait(PATIENCE)
    assert len(times) >= 3


def test_a_lost_lease_is_not_asked_for_again() -> None:
    lost, again = Event(), Event()

    def renew() -> bool:
        (again if lost.is_set() else lost).set()
        return False

    with lease.kept(renew, lease_seconds=0.003):
        assert lost.wait(PATIENCE)
        assert not again.wait(0.05)


@pytest.mark.parametrize("error", [Retryable("DATABASE_UNAVAILABLE", "Not now."), ValueError("unexpected")])
def test_a_renewal_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    renewed = Event()
    errors = [error]

    def renew() -> bool:
        if errors:
            raise errors.pop()
        renewed.set()
        return True

    with lease.kept(renew, lease_seconds=0.03):
        assert renewed.wait(PATIENCE)
    assert "not renewed" in caplog.text


def test_a_lease_ends_with_the_block_even_if_it_raises() -> None:
    with pytest.raises(ZeroDivisionError), lease.kept(lambda: True, lease_seconds=PATIENCE * 1000):
        raise ZeroDivisionError


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": message, "levelname": "WARNING", "levelno": logging.WARNING})
    made.__dict__.update(extra)
    return made


@given(st.text(), st.text())
def test_a_cloud_log_entry_is_one_line_of_json(message: str, value: str) -> None:
    line = telemetry.CloudFormatter().format(record("%s", args=(message,), job_id=value))
    assert "\n" not in line
    assert json.loads(line) == {"severity": "WARNING", "message": message, "job_id": value}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (7, 7),
        (1.5, 1.5),
        (True, True),
        (None, None),
        ("7", "7"),
        (UUID(int=7), str(UUID(int=7))),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers_of_a_cloud_log_entry_stay_numbers(value: object, written: object) -> None:
    [line] = telemetry.CloudFormatter().format(record("Done", value=value)).splitlines()
    assert json.loads(line, parse_constant=pytest.fail)["value"] == written


def test_a_cloud_log_entry_says_what_its_work_is_about_in_which_trace() -> None:
    formatter = telemetry.CloudFormatter(project="sample", function="embed")
    with telemetry.scope(Trace("a" * 32, "b" * 16, sampled=True), team_id=UUID(int=1), job_id=None, reason="own"):
        telemetry.bind(document_id=UUID(int=2), attempt=None)
        entry = json.loads(formatter.format(record("Done", reason="line's")))
    assert entry == {
        "severity": "WARNING",
        "message": "Done",
        "function": "embed",
        "team_id": str(UUID(int=1)),
        "document_id": str(UUID(int=2)),
        "reason": "line's",
        "logging.googleapis.com/trace": f"projects/sample/traces/{'a' * 32}",
        "logging.googleapis.com/spanId": "b" * 16,
        "logging.googleapis.com/trace_sampled": True,
    }
    assert json.loads(formatter.format(record("Done"))).keys() == {"severity", "message", "function"}


def test_what_keeps_a_lease_speaks_of_the_work_that_the_lease_is_for() -> None:
    found: Queue[Trace | None] = Queue()

    def renew() -> bool:
        found.put(tracing.current())
        return False

    with telemetry.scope(Trace("a" * 32, "b" * 16)), lease.kept(renew, lease_seconds=0.003):
        assert found.get(timeout=PATIENCE) == Trace("a" * 32, "b" * 16)


def test_a_cloud_log_entry_of_an_error_has_its_stack_trace() -> None:
    with pytest.raises(ValueError, match="broken") as caught:
        int("broken")
    line = telemetry.CloudFormatter().format(record("It broke", exc_info=(caught.type, caught.value, caught.tb)))
    assert "ValueError: invalid literal" in json.loads(line)["stack_trace"].splitlines()[-1]


def test_a_terminal_line_has_level_message_and_fields() -> None:
    formatter = telemetry.TerminalFormatter()
    assert formatter.format(record("Done", job_id=UUID(int=7))) == f"WARNING Done job_id={UUID(int=7)}"
    assert formatter.format(record("Done")) == "WARNING Done"
    with telemetry.scope(Trace("a" * 32, "b" * 16), job_id=UUID(int=7), message_id="12"):
        assert formatter.format(record("Done", reason="R")) == f"WARNING Done job_id={UUID(int=7)} reason=R"
