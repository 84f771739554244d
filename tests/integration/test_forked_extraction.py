"""Documents that harm their reader: real processes, real signals, real limits."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from common.adapters.forked_extraction.extractor import ForkedExtractor
from common.errors import Permanent, Retryable
from common.extraction import ExtractionLimits
from common.extraction.pages import PageRange
from common.model.chunks import Extraction
from tests.integration import harmful_parsers
from tests.integration.harmful_parsers import MEMORY_BYTES, SECRET

READER = harmful_parsers.__name__
LIMITS = ExtractionLimits()
linux = pytest.mark.skipif(sys.platform != "linux", reason="the limit, or what shows it, is Linux's")


@pytest.fixture(scope="module")
def extractor() -> ForkedExtractor:
    return ForkedExtractor(memory_bytes=MEMORY_BYTES, seconds=60.0, reader=READER)


@pytest.fixture
def hasty() -> ForkedExtractor:
    return ForkedExtractor(memory_bytes=MEMORY_BYTES, seconds=0.3, reader=READER)


@pytest.fixture
def document(tmp_path: Path) -> Document:
    return Document(tmp_path)


class Document:
    """Writes documents that do something."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, does: str) -> Path:
        path = self._folder / does.replace(" ", "-")
        path.write_text(does)
        return path


def seen(extractor: ForkedExtractor, document: Document) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text_of(extractor, document("look_around")))
    return found


def begun(others: ThreadPoolExecutor, extractor: ForkedExtractor, path: Path) -> Future[Extraction | PageRange]:
    """The reading of a document, once its child is at it."""
    reading = Event()
    begun = others.submit(extractor.read, path, LIMITS, progress=lambda _done, _total: reading.set())
    assert reading.wait(60.0)
    return begun


def text(extractor: ForkedExtractor, document: Document) -> str:
    return text_of(extractor, document("A quiet text."))


def text_of(extractor: ForkedExtractor, path: Path) -> str:
    read = extractor.read(path, LIMITS)
    assert isinstance(read, Extraction)
    return read.text


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("crash", "EXTRACTION_CRASHED"),
        ("exit", "EXTRACTION_CRASHED"),
        ("babble", "EXTRACTION_CRASHED"),
        ("raise", "CORRUPT_FILE"),
        ("write", "CORRUPT_FILE"),
        ("nest", "NESTED_TOO_DEEPLY"),
        ("refuse", "EMPTY_FILE"),
        pytest.param("hide_want_of_memory", "EXTRACTION_MEMORY", marks=linux),
        ("find_no_memory", "EXTRACTION_MEMORY"),
        pytest.param("take_memory", "EXTRACTION_MEMORY", marks=linux),
        pytest.param("take_native_memory", "EXTRACTION_MEMORY", marks=linux),
    ],
)
def test_what_a_document_does_costs_that_document_alone(
    extractor: ForkedExtractor, document: Document, does: str, reason: str
) -> None:
    with pytest.raises(Permanent) as refused:
        extractor.read(document(does), LIMITS)
    assert refused.value.reason == reason
    assert text(extractor, document) == "A quiet text."


@pytest.mark.parametrize("does", ["hang", "spin", "chatter"])
def test_a_document_that_never_ends_is_ended(hasty: ForkedExtractor, document: Document, does: str) -> None:
    with pytest.raises(Permanent) as refused:
        hasty.read(document(does), LIMITS)
    assert refused.value.reason == "EXTRACTION_TIMEOUT"


@linux
def test_its_processor_time_ends_too_should_nobody_end_it(document: Document) -> None:
    extractor = ForkedExtractor(memory_bytes=MEMORY_BYTES, seconds=0.9, reader=READER)
    cpu = seen(extractor, document)["limits"]["RLIMIT_CPU"]
    assert cpu[0] < cpu[1] < 10


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("be_ended", "EXTRACTION_INTERRUPTED"),
        ("kill_server", "EXTRACTION_INTERRUPTED"),
        ("be_killed", "EXTRACTION_MEMORY"),
    ],
)
def test_an_end_that_is_not_the_documents_doing_can_be_tried_again(
    extractor: ForkedExtractor, document: Document, does: str, reason: str
) -> None:
    with pytest.raises(Retryable) as interrupted:
        extractor.read(document(does), LIMITS)
    assert interrupted.value.reason == reason
    assert text(extractor, document) == "A quiet text."


def test_other_documents_are_read_while_one_hangs(extractor: ForkedExtractor, document: Document) -> None:
    with ThreadPoolExecutor(1) as others:
        hanging = begun(others, extractor, document("hang"))
        first = seen(extractor, document)["pids"]
        second = seen(extractor, document)["pids"]
        assert first[0] != second[0]
        assert first[1] == second[1]
        assert not hanging.done()
        os.kill(first[1], signal.SIGKILL)
        with pytest.raises(Retryable):
            hanging.result()


def test_many_documents_are_read_at_once(extractor: ForkedExtractor, tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(40)]
    for path in paths:
        path.write_text(f"The text of {path.name}. " * 20_000)
    with ThreadPoolExecutor(8) as readers:
        read = list(readers.map(lambda path: text_of(extractor, path), paths))
    assert read == [path.read_text() for path in paths]


def test_what_a_parser_raises_is_logged_by_its_type_and_never_by_its_words(
    extractor: ForkedExtractor, document: Document, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Permanent):
        extractor.read(document("raise"), LIMITS)
    assert "builtins.ValueError at harmful_parsers.py" in caplog.text
    assert SECRET not in caplog.text


def test_how_a_child_died_is_logged(
    extractor: ForkedExtractor, document: Document, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(Permanent):
        extractor.read(document("crash"), LIMITS)
    assert "Segmentation fault" in caplog.text


@linux
def test_a_child_has_nothing_of_its_instance(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_INFRA_DATABASE_URL", "postgresql://user:password@host/database")
    extractor = ForkedExtractor(memory_bytes=MEMORY_BYTES, seconds=60.0, reader=READER)
    with Path("/dev/null").open() as inherited:
        os.set_inheritable(inherited.fileno(), True)
        around = seen(extractor, document)
    assert [name for name in around["environment"] if name.startswith("AI_INFRA")] == []
    assert "password" not in around["server_environment"]
    assert around["descriptors"][:4] == [0, 1, 2, 3]
    assert len(around["descriptors"]) == 5  # the fifth is the look itself
    assert around["limits"]["RLIMIT_AS"] == [MEMORY_BYTES, MEMORY_BYTES]
    assert around["limits"]["RLIMIT_CORE"] == around["limits"]["RLIMIT_FSIZE"] == [0, 0]
    assert around["first_to_go"].strip() == "1000"
    assert (around["threads"], around["server_threads"]) == (1, 1)


PROGRAM = """
import sys
from pathlib import Path
from common.adapters.forked_extraction.extractor import ForkedExtractor
from common.extraction import ExtractionLimits

extractor = ForkedExtractor(memory_bytes=512 << 20, seconds=60.0, reader=sys.argv[1])
print(extractor.read(Path(sys.argv[2]), ExtractionLimits()).text, flush=True)
sys.stdin.read()
extractor.read(Path(sys.argv[3]), ExtractionLimits())
"""


@pytest.mark.parametrize("end", ["returns", "is killed"])
def test_the_fork_server_ends_with_its_instance(root: Path, document: Document, end: str) -> None:
    """It holds the instance's standard error, which is at its end only when both are gone."""
    program = [sys.executable, "-c", PROGRAM, READER, str(document("look_around")), str(document("A quiet text."))]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root)}
    with subprocess.Popen(
        program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as instance:
        assert instance.stdout is not None
        assert json.loads(instance.stdout.readline())["pids"]
        if end == "is killed":
            instance.kill()
        _, errors = instance.communicate(timeout=60)
    assert errors == b""
    assert instance.returncode == (-signal.SIGKILL if end == "is killed" else 0)


@linux
def test_a_child_ends_with_its_fork_server(extractor: ForkedExtractor, document: Document) -> None:
    with ThreadPoolExecutor(1) as others:
        hanging = begun(others, extractor, document("hang"))
        server = seen(extractor, document)["pids"][1]
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        watched = [os.pidfd_open(int(child)) for child in children]
        os.kill(server, signal.SIGKILL)
        with pytest.raises(Retryable):
            hanging.result()
    assert watched
    for each in watched:
        assert select.select([each], [], [], 60.0)[0] == [each]
        os.close(each)


def test_nothing_is_started_before_the_first_document() -> None:
    extractor = ForkedExtractor(memory_bytes=MEMORY_BYTES, seconds=60.0, reader="no.such.module")
    assert extractor._server is None
