"""Questions: the route, the answer's shape, and the log that is committed before the answer leaves."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID, uuid4

import flask
import msgspec

from common.api_keys import QUERY, ApiKey, question_hash
from common.catalog import ProjectRecord, QueryLog
from common.model.questions import Scope
from functions.api.answering import Answer, AnswerQuestion, Question
from functions.api.context import ApiContext, answer, body, project_of
from functions.api.errors import invalid
from functions.api.metadata import WantedMetadata

log = logging.getLogger(__name__)


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answer from these documents only, and from those with all of this metadata; from all where nothing is named."""

    # An empty list would mean no document to its sender, and every one to the search.
    document_ids: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1)] = ()
    metadata: WantedMetadata = {}


class QueryRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a question."""

    question: Annotated[str, msgspec.Meta(min_length=1)]
    top_k: Annotated[int, msgspec.Meta(ge=1)] | None = None
    min_score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    filter: Filter = Filter()
    system_prompt: Annotated[str, msgspec.Meta(max_length=20_000)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    stream: bool = False


class Questions:
    """Asks the use case and keeps the question's log, whatever comes of it."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._answer = AnswerQuestion(
            database=context.database,
            embedder=context.embedder,
            index=context.index,
            texts=context.texts,
            generator=context.generator,
            prompt_tokens=context.settings.prompt_tokens,
        )

    def ask(self, key: ApiKey, project: str, asked: QueryRequest) -> dict[str, Any]:
        """The answer as the caller gets it; its log is committed."""
        started = time.monotonic()
        with self._context.database.transaction(key.team_id) as transaction:
            record = project_of(transaction, key, project)
        question = self._question(record, asked)
        query_id = uuid4()
        try:
            found = self._answer(question)
        except Exception as error:
            self._log(key, query_id, question, _elapsed(started), error=f"{type(error).__name__}: {error}")
            raise
        latency = _elapsed(started)
        self._log(key, query_id, question, latency, found=found)
        return _shown(query_id, found, latency)

    def _question(self, project: ProjectRecord, asked: QueryRequest) -> Question:
        settings, own = self._context.settings, project.settings
        if len(asked.question) > settings.max_question_characters:
            raise invalid("question", f"question has to be at most {settings.max_question_characters} characters.")
        if not asked.question.strip():
            raise invalid("question", "question has to be more than white space.")
        if asked.top_k is not None and asked.top_k > settings.max_top_k:
            raise invalid("top_k", f"top_k has to be at most {settings.max_top_k}.")
        return Question(
            text=asked.question,
            scope=Scope(project.team_id, project.id, asked.filter.document_ids),
            metadata=asked.filter.metadata,
            top_k=asked.top_k or own.top_k or settings.top_k,
            min_score=own.min_score if asked.min_score is None else asked.min_score,
            system_prompt=asked.system_prompt or own.system_prompt,
            temperature=asked.temperature,
            max_tokens=asked.max_tokens,
            stream=asked.stream,
        )

    def _log(
        self,
        key: ApiKey,
        query_id: UUID,
        question: Question,
        latency_ms: int,
        *,
        found: Answer | None = None,
        error: str | None = None,
    ) -> None:
        peppers = self._context.peppers
        entry = QueryLog(
            id=query_id,
            scope=question.scope,
            api_key_id=key.id,
            question_hash=question_hash(question.text, peppers[max(peppers)]),
            used_rag=bool(found and found.passages),
            top_k=question.top_k,
            model=found.model if found else self._context.generator.model,
            latency_ms=latency_ms,
            prompt_tokens=found.prompt_tokens if found else None,
            completion_tokens=found.completion_tokens if found else None,
            request_id=flask.g.request_id,
            refusal_reason=found.refusal_reason.value if found and found.refusal_reason else None,
            retrieved=found.retrieved if found else 0,
            used=len(found.passages) if found else 0,
            error=error,
            citations=[(c.chunk_id, c.rank, c.score) for c in found.citations] if found else (),
        )
        with self._context.database.transaction(key.team_id) as transaction:
            transaction.questions.log(entry)
        log.info("Asked and %s", "failed" if error else "answered", extra=_event_fields(entry))


def _event_fields(entry: QueryLog) -> dict[str, object]:
    outcome = "ERROR" if entry.error else entry.refusal_reason or "ANSWERED"
    return {
        "event": "question_answered",
        "outcome": outcome,
        "model": entry.model,
        "latency_ms": entry.latency_ms,
        "retrieved": entry.retrieved,
        "used": entry.used,
        "prompt_tokens": entry.prompt_tokens or 0,
        "completion_tokens": entry.completion_tokens or 0,
    }


def _elapsed(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _shown(query_id: UUID, found: Answer, latency_ms: int) -> dict[str, Any]:
    return {
        "id": query_id,
        "answer": found.text,
        "grounded": found.refusal_reason is None,
        "refusal_reason": found.refusal_reason,
        "citations": [asdict(citation) for citation in found.citations],
        "retrieval": {
            "retrieved": found.retrieved,
            "used": len(found.passages),
            "dropped_for_budget": found.dropped_for_budget,
        },
        "usage": {"prompt_tokens": found.prompt_tokens, "completion_tokens": found.completion_tokens},
        "model": found.model,
        "latency_ms": latency_ms,
    }


def _events(shown: dict[str, Any]) -> Iterator[bytes]:
    """The answer as server-sent events: its text piece by piece, each piece with verified quotes, then the whole."""
    position = 0
    for citation in sorted(shown["citations"], key=lambda entry: entry["end_index"]):
        yield _event("delta", {"text": shown["answer"][position : citation["end_index"]]})
        position = max(position, citation["end_index"])
    if position < len(shown["answer"]):
        yield _event("delta", {"text": shown["answer"][position:]})
    yield _event("result", shown)


def _event(name: str, content: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(content) + b"\n\n"


def question_routes(context: ApiContext) -> flask.Blueprint:
    """`POST /v1/projects/{project}:query`."""
    routes = flask.Blueprint("questions", __name__)
    questions = Questions(context)

    @routes.post("/v1/projects/<project>:query")
    def _query(project: str) -> flask.Response:
        key = context.key(QUERY)
        asked = body(QueryRequest)
        shown = questions.ask(key, project, asked)
        if asked.stream:
            return flask.Response(_events(shown), mimetype="text/event-stream")
        return answer(shown)

    return routes
