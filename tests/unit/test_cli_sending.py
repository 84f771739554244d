"""A file on its way to a resumable upload: in pieces, broken off, gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Response

from cli.sending import send
from common.errors import Permanent, Retryable
from local.ports import LOOPBACK, free_ports
from tests.unit.answering_server import AnsweringServer, answering, said

CONTENT = b"0123456789"
DONE = said({"size": "10", "generation": "7"})
BUSY = said({}, 503)


@pytest.fixture(scope="module")
def running() -> Iterator[AnsweringServer]:
    with answering() as server:
        yield server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    return file


def reached(count: int) -> Response:
    """The store has so many bytes, and waits for more."""
    return Response(status=308, headers={"Range": f"bytes=0-{count - 1}"} if count else {})


def sent(server: AnsweringServer, file: Path, *answers: Response, size: int = len(CONTENT)) -> list[tuple[str, bytes]]:
    """What was sent for these answers, piece by piece."""
    server.answer(*answers)
    assert send(file, server.url, size, piece_bytes=4, pause_seconds=0)["generation"] == "7"
    return list(zip(server.ranges, server.bodies, strict=True))


def test_a_file_goes_in_pieces(running: AnsweringServer, file: Path) -> None:
    assert sent(running, file, reached(4), reached(8), DONE) == [
        ("bytes 0-3/10", b"0123"),
        ("bytes 4-7/10", b"4567"),
        ("bytes 8-9/10", b"89"),
    ]


def test_what_the_store_has_not_kept_is_sent_again(running: AnsweringServer, file: Path) -> None:
    assert [place for place, _ in sent(running, file, reached(2), reached(6), DONE)] == [
        "bytes 0-3/10",
        "bytes 2-5/10",
        "bytes 6-9/10",
    ]


def test_after_a_failure_the_store_is_asked_how_far_it_is(running: AnsweringServer, file: Path) -> None:
    assert sent(running, file, reached(4), BUSY, reached(8), DONE) == [
        ("bytes 0-3/10", b"0123"),
        ("bytes 4-7/10", b"4567"),
        ("bytes */10", b""),
        ("bytes 8-9/10", b"89"),
    ]


def test_an_upload_may_prove_to_be_done(running: AnsweringServer, file: Path) -> None:
    assert [place for place, _ in sent(running, file, BUSY, DONE)] == ["bytes 0-3/10", "bytes */10"]


def test_an_empty_file_is_sent_too(running: AnsweringServer, file: Path) -> None:
    file.write_bytes(b"")
    done = said({"size": "0", "generation": "7"})
    assert sent(running, file, done, size=0) == [("bytes */0", b"")]


@pytest.mark.parametrize("answers", [[BUSY], [reached(0)], [reached(4)], [BUSY, reached(4), BUSY, reached(4)]])
def test_a_store_that_gets_no_further_is_left(running: AnsweringServer, file: Path, answers: list[Response]) -> None:
    running.answer(*answers)
    with pytest.raises(Retryable) as broken:
        send(file, running.url, len(CONTENT), piece_bytes=4, pause_seconds=0)
    assert broken.value.reason == "UPLOAD_BROKEN_OFF"


def test_a_store_that_is_not_there_is_left(file: Path) -> None:
    with pytest.raises(Retryable):
        send(file, f"http://{LOOPBACK}:{free_ports(1)[0]}/", len(CONTENT), pause_seconds=0)


def test_a_part_of_a_file_is_no_success(running: AnsweringServer, file: Path) -> None:
    running.answer(said({"size": "4", "generation": "7"}))
    with pytest.raises(Retryable):
        send(file, running.url, len(CONTENT), pause_seconds=0)


@pytest.mark.parametrize("code", [400, 403, 404, 410])
def test_an_address_that_takes_nothing_is_told(running: AnsweringServer, file: Path, code: int) -> None:
    running.answer(said({}, code))
    with pytest.raises(Permanent) as refused:
        send(file, running.url, len(CONTENT), pause_seconds=0)
    assert refused.value.reason == "UPLOAD_REFUSED"
