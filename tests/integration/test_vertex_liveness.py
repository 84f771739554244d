"""A vector index that knows nothing of liveness: what it still holds or does not show yet changes no answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from common.adapters.extractive import ExtractiveGenerator
from common.adapters.google_pubsub import GooglePublisher
from common.adapters.minilm import MiniLmEmbedder, MiniLmTokenizer
from common.adapters.postgres.chunk_texts import PostgresChunkTexts
from common.adapters.vertex.index import MAX_NEIGHBORS, VertexVectorIndex
from common.errors import Deferred
from common.messages import DocumentRegistered
from common.model.documents import JobStatus, Route
from common.model.questions import Scope
from common.retrieval import search_terms
from functions.api.answering import Answer, AnswerQuestion, Question
from functions.record.use_case import RecordBatch
from local.vertex.faults import Fault, half_the_datapoints
from tests.rows import Installation, chunk_ids, direction, embedded, live, near, registered, split
from tests.vertex import Vertex, running_vertex

WORDLESS = "Zebras?"
"""No chunk holds the word: what is found is found by its vector."""
WORDED = "Which chunk is number 2?"


@pytest.fixture(scope="module")
def vertex() -> Iterator[Vertex]:
    with running_vertex() as parts:
        yield parts


@pytest.fixture(scope="module")
def embedder() -> MiniLmEmbedder:
    return MiniLmEmbedder()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One project's questions, answered by a vector index on Vertex AI and the rows of Postgres."""

    installation: Installation
    vertex: Vertex
    embedder: MiniLmEmbedder
    index: VertexVectorIndex
    place: Route

    def indexed(self, message: DocumentRegistered, question: str, *angles: float) -> list[UUID]:
        """Let the document's chunks stand at these angles to the question; returns their ids."""
        target = self.embedder.embed_question(question)
        ids = chunk_ids(message, len(angles))
        self.index.upsert(message.owner, {chunk: near(target, angle) for chunk, angle in zip(ids, angles, strict=True)})
        return ids

    def dead(self, question: str, *angles: float) -> None:
        """Chunks of a job that was never live."""
        self.indexed(registered(self.installation, self.place), question, *angles)

    def by_words(self, question: str) -> list[UUID]:
        """The chunks that its words alone find, best first."""
        scope = Scope(self.place.team_id, self.place.project_id)
        with self.installation.team_database.transaction(scope.team_id) as transaction:
            return [hit.chunk_id for hit in transaction.questions.lexical_hits(scope, search_terms(question), 50)]

    def __call__(self, question: str, top_k: int) -> tuple[Answer, int]:
        """The answer, and how often the index was searched for it."""
        before = self.vertex.stand_in.counts["FindNeighbors"]
        ask = AnswerQuestion(
            database=self.installation.team_database,
            embedder=self.embedder,
            index=self.index,
            texts=PostgresChunkTexts(self.installation.api),
            generator=ExtractiveGenerator(self.embedder, MiniLmTokenizer()),
            prompt_tokens=1000,
        )
        answer = ask(
            Question(
                text=question,
                scope=Scope(self.place.team_id, self.place.project_id),
                metadata={},
                top_k=top_k,
                min_score=None,
                system_prompt=None,
                temperature=None,
                max_tokens=None,
            )
        )
        return answer, self.vertex.stand_in.counts["FindNeighbors"] - before


@pytest.fixture
def asked(installation: Installation, vertex: Vertex, embedder: MiniLmEmbedder, place: Route) -> Asked:
    index = vertex.index(embedder.model)
    return Asked(installation=installation, vertex=vertex, embedder=embedder, index=index, place=place)


def passages(answer: Answer) -> list[UUID]:
    return [passage.chunk_id for passage in answer.passages]


def test_one_search_is_enough_where_all_hits_are_live(asked: Asked) -> None:
    ids = asked.indexed(live(asked.installation, asked.place), WORDLESS, 0.9, 0.3, 0.6)
    answer, searches = asked(WORDLESS, 2)
    assert (passages(answer), searches) == ([ids[1], ids[2]], 1)


def test_dead_hits_are_dropped_and_the_search_repeated_until_enough_are_live(asked: Asked) -> None:
    ids = asked.indexed(live(asked.installation, asked.place), WORDLESS, 0.9, 0.7, 0.8)
    asked.dead(WORDLESS, *[0.1 + number / 100 for number in range(20)])
    answer, searches = asked(WORDLESS, 2)
    assert (passages(answer), searches) == ([ids[1], ids[2]], 3)  # 8, 16 and 32 neighbours


def test_chunks_that_the_words_find_do_not_end_the_search_for_those_that_the_vector_finds(asked: Asked) -> None:
    worded = live(asked.installation, asked.place, chunks=4)
    asked.indexed(worded, WORDED, *[1.5] * 4)
    meant = asked.indexed(live(asked.installation, asked.place, chunks=1), WORDED, 0.3)
    asked.dead(WORDED, *[0.1] * 20)
    answer, searches = asked(WORDED, 2)
    assert meant[0] in passages(answer)
    assert searches == 3


def test_dead_hits_take_no_rank(asked: Asked) -> None:
    message = live(asked.installation, asked.place, chunks=6)
    by_words = asked.by_words(WORDED)
    angles = [1.0 - by_words.index(chunk) / 10 for chunk in chunk_ids(message, 6)]
    asked.indexed(message, WORDED, *angles)
    before, _ = asked(WORDED, 6)
    asked.dead(WORDED, 0.1, 0.1, 0.1)
    after, _ = asked(WORDED, 6)
    assert len(before.passages) == 6
    assert passages(after) == passages(before)


def test_the_search_ends_where_the_index_has_no_more(asked: Asked) -> None:
    live(asked.installation, asked.place)
    asked.dead(WORDLESS, *[0.1] * 20)
    answer, searches = asked(WORDLESS, 2)
    assert (passages(answer), searches) == ([], 3)
    answer, _ = asked(WORDED, 2)
    assert len(passages(answer)) == 2


def test_the_search_ends_at_the_most_neighbours_that_the_api_gives(asked: Asked) -> None:
    asked.indexed(live(asked.installation, asked.place), WORDLESS, 0.9, 0.9, 0.9)
    asked.dead(WORDLESS, *[0.1] * (MAX_NEIGHBORS + 5))
    answer, searches = asked(WORDLESS, 50)
    assert (passages(answer), searches) == ([], 4)  # 200, 400, 800, and 1,000 where 1,600 were asked for


def test_another_model_s_vectors_are_not_asked_for(asked: Asked) -> None:
    message = live(asked.installation, asked.place)
    asked.vertex.index("another-model").upsert(
        message.owner, dict.fromkeys(chunk_ids(message), asked.embedder.embed_question(WORDLESS))
    )
    assert passages(asked(WORDLESS, 2)[0]) == []


def test_a_job_goes_live_only_once_its_vectors_are_visible(asked: Asked) -> None:
    message = registered(asked.installation, asked.place)
    split(asked.installation, message, chunks=3, batch_size=3)
    batch = embedded(asked.installation, message, 0)
    record = RecordBatch(
        database=asked.installation.database,
        index=asked.index,
        texts=PostgresChunkTexts(asked.installation.pipeline),
        publisher=GooglePublisher("nothing-is-published"),
    )
    vectors = dict.fromkeys(chunk_ids(message), direction(0))
    asked.vertex.stand_in.faults.add("UpsertDatapoints", Fault(request=half_the_datapoints))
    asked.index.upsert(message.owner, vectors)
    with pytest.raises(Deferred) as raised:
        record(batch)
    assert raised.value.reason == "NOT_VISIBLE"
    assert asked.installation.job(message).status is not JobStatus.SUCCEEDED
    asked.index.upsert(message.owner, vectors)
    record(batch)
    assert asked.installation.job(message).status is JobStatus.SUCCEEDED
