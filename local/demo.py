"""The demo: the example documents go into the drop folder, the example questions are asked, every answer is checked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec
import requests

from cli.api import Api
from common.config import Profile
from local.cloud_counts import CloudCounts
from local.demo_display import Display
from local.errors import StartError
from local.process import Log
from local.stack import Stack, StackOptions

if TYPE_CHECKING:
    from local.cloud_parts import CloudParts

INGESTION_SECONDS = 600.0
POLL_SECONDS = 0.3
FINISHED = ("ready", "failed")
# So that a deletion's purge, which waits for questions in flight, need not be waited for long.
_SETTINGS = {"question_seconds": "5", "purge_grace_seconds": "6"}


class ExampleQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question with the place of its answer: `expect` are words that the quote must hold, white space evened out."""

    question: str
    answerable: bool = True
    document: str | None = None
    page: int | None = None
    expect: str | None = None


class DocumentResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a document."""

    title: str
    status: str
    chunks: int | None
    pages: int | None


class CitationResult(msgspec.Struct, frozen=True, kw_only=True):
    """A quote and its place."""

    title: str
    page_start: int
    char_start: int
    char_end: int
    quote: str


class QuestionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a question was answered."""

    question: str
    answer: str
    grounded: bool
    refusal_reason: str | None
    citations: tuple[CitationResult, ...]


class DemoResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole demo, as `--json` writes it; in profile `gcp` with what was asked of Google Cloud's stand-ins."""

    documents: tuple[DocumentResult, ...]
    questions: tuple[QuestionResult, ...]
    counts: CloudCounts | None = None


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The examples in a folder: `documents/` and `questions.jsonl`. `log` takes the parts' log lines."""

    examples: Path
    display: Display
    profile: Profile
    log: Log

    @cached_property
    def questions(self) -> tuple[ExampleQuestion, ...]:
        """The example questions."""
        lines = (self.examples / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        return tuple(msgspec.json.decode(line, type=ExampleQuestion) for line in lines if line.strip())

    def run(self) -> tuple[DemoResult, list[str]]:
        """The results, and a sentence for each that is not as it should be."""
        with TemporaryDirectory(prefix="ai-infra-demo-") as folder:
            self.display.say("Starting Postgres, storage, Pub/Sub and the functions …")
            with Stack(
                StackOptions(data=Path(folder), profile=self.profile, settings=_SETTINGS, log=self.log, durable=False)
            ) as stack:
                return self._run(stack)

    def _run(self, stack: Stack) -> tuple[DemoResult, list[str]]:
        api, project = Api(stack.api, stack.tenant.api_key), stack.tenant.project
        files = sorted(path for path in (self.examples / "documents").iterdir() if path.is_file())
        for file in files:
            shutil.copy(file, stack.drop_folder / stack.tenant.team / project / file.name)
        documents = self._followed(api, project, len(files))
        problems = [f"{each.title}: ended {each.status}" for each in documents if each.status != "ready"]
        texts = _Texts(api)
        answered = []
        for question in self.questions:
            response = api.ask(project, question.question)
            answered.append(msgspec.convert(response | {"question": question.question}, QuestionResult))
            self.display.show_answer(question.question, response)
            problems += [f"{question.question}: {fault}" for fault in _faults(question, response, texts)]
        counts = None
        if stack.cloud is not None:
            _stream(stack, self.questions[0].question)
            self.display.say("\nDeleting a document, to see its vectors and texts go …")
            counts = _counts_after_deletion(stack.cloud, api, project)
        return DemoResult(documents=documents, questions=tuple(answered), counts=counts), problems

    def _followed(self, api: Api, project: str, expected: int) -> tuple[DocumentResult, ...]:
        """The documents once all are ready or failed, shown meanwhile."""
        deadline = time.monotonic() + INGESTION_SECONDS
        with self.display.ingestion() as shown:
            while True:
                documents = list(api.documents(project))
                for document in documents:
                    shown.update(document["title"], document["status"], _progress(api, document), document["chunks"])
                if len(documents) == expected and all(each["status"] in FINISHED for each in documents):
                    ordered = sorted(documents, key=lambda each: str(each["title"]))
                    return tuple(msgspec.convert(each, DocumentResult) for each in ordered)
                if time.monotonic() > deadline:
                    raise StartError("DEMO_TOO_SLOW", f"Not all documents were ready within {INGESTION_SECONDS:g} s.")
                time.sleep(POLL_SECONDS)


def _stream(stack: Stack, question: str) -> None:
    """Ask once with the answer as a stream, which Gemini then writes as one too."""
    response = requests.post(
        f"{stack.api}/v1/projects/{stack.tenant.project}:query",
        json={"question": question, "stream": True},
        headers={"Authorization": f"Bearer {stack.tenant.api_key}"},
        timeout=60,
    )
    response.raise_for_status()


def _counts_after_deletion(cloud: CloudParts, api: Api, project: str) -> CloudCounts:
    """What was asked of the stand-ins, once the first document is deleted and its vectors are removed."""
    api.delete(api.documents(project)[0]["id"])
    deadline = time.monotonic() + INGESTION_SECONDS
    while not (counts := cloud.counts()).vertex.get("RemoveDatapoints"):
        if time.monotonic() > deadline:
            raise StartError("DEMO_TOO_SLOW", f"Nothing was purged within {INGESTION_SECONDS:g} s.")
        time.sleep(POLL_SECONDS)
    return counts


class _Texts:
    """The documents' extracted texts, each fetched once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._texts: dict[str, str] = {}

    def of(self, document_id: str) -> str:
        if document_id not in self._texts:
            self._texts[document_id] = self._api.text(document_id)["text"]
        return self._texts[document_id]


def _progress(api: Api, document: dict[str, Any]) -> float:
    if document["status"] in FINISHED or document["job_id"] is None:
        return 1.0 if document["status"] == "ready" else 0.0
    return float(api.job(document["job_id"])["progress"])


def _faults(question: ExampleQuestion, response: dict[str, Any], texts: _Texts) -> Iterator[str]:
    for citation in response["citations"]:
        if texts.of(citation["document_id"])[citation["char_start"] : citation["char_end"]] != citation["quote"]:
            yield f"the quote does not stand at its place in {citation['title']}"
    if response["grounded"] != question.answerable:
        yield "it has no answer and was answered" if response["grounded"] else "it was not answered"
    elif question.answerable:
        yield from _misplaced(question, response["citations"][0])


def _misplaced(question: ExampleQuestion, best: dict[str, Any]) -> Iterator[str]:
    if question.document is not None and best["title"] != question.document:
        yield f"it was answered from {best['title']} instead of {question.document}"
    elif question.page is not None and best["page_start"] != question.page:
        yield f"it was answered from page {best['page_start']} instead of {question.page}"
    elif question.expect is not None and question.expect not in " ".join(best["quote"].split()):
        yield f"the quote lacks the words {question.expect!r}"
