"""Answering: retrieve live passages of one project, let the generator answer from them, verify, log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from common.catalog import LiveChunk, Questions, TeamDatabase
from common.model.questions import GenerationRequest, Passage, Quote, RefusalReason, Scope
from common.ports import ChunkTexts, Embedder, Generator, VectorIndex
from common.retrieval import fuse, search_terms, within_budget

# Each ranking contributes this many times the passages that are wanted: fusion needs some depth.
_DEPTH = 4
# What a rank by words counts beside one by meaning (docs/decisions/0005-extractive-answers.md).
_WEIGHTS = (1.0, 0.7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with what it asks of its answer; None leaves it to the generator.

    It is answered from those documents of its scope that carry all of its metadata.
    """

    text: str
    scope: Scope
    metadata: Mapping[str, str]
    top_k: int
    min_score: float | None
    system_prompt: str | None
    temperature: float | None
    max_tokens: int | None
    stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A quote of an answer with its exact place. `rank` is the passage's, and the number that the answer cites."""

    rank: int
    score: float | None
    chunk_id: UUID
    document_id: UUID
    title: str
    page_start: int
    page_end: int
    char_start: int
    char_end: int
    quote: str
    quote_verified: bool
    start_index: int
    end_index: int
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a question is answered: text and citations, or why not."""

    text: str
    citations: tuple[Citation, ...]
    refusal_reason: RefusalReason | None
    passages: tuple[Passage, ...]
    retrieved: int
    dropped_for_budget: int
    prompt_tokens: int | None
    completion_tokens: int | None
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerQuestion:
    """The use case, on its ports. `prompt_tokens` bounds what the passages take of a prompt."""

    database: TeamDatabase
    embedder: Embedder
    index: VectorIndex
    texts: ChunkTexts
    generator: Generator
    prompt_tokens: int

    def __call__(self, question: Question) -> Answer:
        """An answer whose every quote stands in a live passage of the project, or a refusal with its reason."""
        with self.database.transaction(question.scope.team_id) as transaction:
            answerable = transaction.questions.has_live_documents(question.scope.project_id)
            narrowed = _narrowed(transaction.questions, question)
        if not answerable:
            return self._refusal(RefusalReason.PROJECT_EMPTY)
        if narrowed is None:
            return self._refusal(RefusalReason.NO_RELEVANT_CONTEXT)
        chunks, scores = self._retrieve(narrowed)
        kept = within_budget([chunk.token_count for chunk in chunks], self.prompt_tokens)
        passages = self._passages(question.scope, chunks[:kept], scores)
        if not passages:
            return self._refusal(RefusalReason.NO_RELEVANT_CONTEXT)
        return self._generate(question, passages, retrieved=len(chunks), dropped=len(chunks) - kept)

    def _retrieve(self, question: Question) -> tuple[Sequence[LiveChunk], dict[UUID, float | None]]:
        """The best live chunks.

        Hits that are no longer live are dropped before they take a rank, and the search is repeated with twice as many
        until enough of its own hits are live or the index has no more.
        """
        vector = self.embedder.embed_question(question.text)
        terms = search_terms(question.text)
        depth = question.top_k * _DEPTH
        while True:
            near = self.index.search(question.scope, vector, self.embedder.model, depth)
            with self.database.transaction(question.scope.team_id) as transaction:
                worded = transaction.questions.lexical_hits(question.scope, terms, depth)
                found = [hit.chunk_id for hit in (*near, *worded)]
                live = {chunk.chunk_id: chunk for chunk in transaction.questions.live_chunks(question.scope, found)}
            rankings = [[hit for hit in hits if hit.chunk_id in live] for hits in (near, worded)]
            if len(rankings[0]) >= question.top_k or len(near) < depth:
                best = fuse(rankings, limit=question.top_k, weights=_WEIGHTS)
                return [live[hit.chunk_id] for hit in best], {hit.chunk_id: hit.score for hit in best}
            depth *= 2

    def _passages(
        self, scope: Scope, chunks: Sequence[LiveChunk], scores: dict[UUID, float | None]
    ) -> tuple[Passage, ...]:
        texts = self.texts.get(scope, [chunk.chunk_id for chunk in chunks])
        with_text = [chunk for chunk in chunks if chunk.chunk_id in texts]
        return tuple(
            Passage(
                number=number,
                chunk_id=chunk.chunk_id,
                document_id=chunk.document_id,
                title=chunk.title,
                heading_path=chunk.heading_path,
                text=texts[chunk.chunk_id],
                char_start=chunk.char_start,
                page_start=chunk.page_start,
                page_breaks=chunk.page_breaks,
                score=scores[chunk.chunk_id],
                document_url=chunk.url,
            )
            for number, chunk in enumerate(with_text, start=1)
        )

    def _generate(self, question: Question, passages: tuple[Passage, ...], *, retrieved: int, dropped: int) -> Answer:
        made = self.generator.generate(
            GenerationRequest(
                question=question.text,
                passages=passages,
                system_prompt=question.system_prompt,
                temperature=question.temperature,
                max_tokens=question.max_tokens,
                min_score=question.min_score,
                stream=question.stream,
            )
        )
        by_number = {passage.number: passage for passage in passages}
        citations = tuple(_citation(by_number[quote.passage], quote) for quote in made.quotes)
        refusal = made.refusal_reason or (None if citations else RefusalReason.UNSUPPORTED_ANSWER)
        return Answer(
            text="" if refusal else made.answer,
            citations=() if refusal else citations,
            refusal_reason=refusal,
            passages=passages,
            retrieved=retrieved,
            dropped_for_budget=dropped,
            prompt_tokens=made.prompt_tokens,
            completion_tokens=made.completion_tokens,
            model=made.model,
        )

    def _refusal(self, reason: RefusalReason) -> Answer:
        return Answer(
            text="",
            citations=(),
            refusal_reason=reason,
            passages=(),
            retrieved=0,
            dropped_for_budget=0,
            prompt_tokens=None,
            completion_tokens=None,
            model=self.generator.model,
        )


def _narrowed(questions: Questions, question: Question) -> Question | None:
    """The question of those documents alone that carry its metadata; None where none does.

    They are named to every search by their ids: metadata changes without its document's vectors, and an index that
    filtered what it found would miss the one document in a thousand.
    """
    if not question.metadata:
        return question
    documents = tuple(questions.documents_with(question.scope, question.metadata))
    return replace(question, scope=replace(question.scope, document_ids=documents)) if documents else None


def _citation(passage: Passage, quote: Quote) -> Citation:
    return Citation(
        rank=passage.number,
        score=passage.score,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        title=passage.title,
        page_start=passage.page_of(quote.char_start),
        page_end=passage.page_of(quote.char_end - 1),
        char_start=passage.char_start + quote.char_start,
        char_end=passage.char_start + quote.char_end,
        quote=passage.text[quote.char_start : quote.char_end],
        quote_verified=True,
        start_index=quote.start_index,
        end_index=quote.end_index,
        url=passage.document_url,
    )
