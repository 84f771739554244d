"""Chunk texts in Firestore, through google-cloud-firestore; the emulator is reached by the same client.

A text is one document, `teams/TEAM/projects/PROJECT/chunk_texts/CHUNK`: nothing is found or deleted outside its team.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import batched
from time import monotonic
from typing import Any
from uuid import UUID

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore_v1 import Client, DocumentReference, WriteBatch
from google.rpc.error_details_pb2 import RetryInfo

from common.errors import ConfigurationError, Deferred, Permanent, Retryable
from common.model.chunks import ChunkOwner
from common.model.questions import Scope

# A document has at most 1 MiB (1,048,576 bytes), in which names and ids count as well.
MAX_TEXT_BYTES = 1_000_000
MAX_COMMIT_WRITES = 500
# Firestore takes 10 MiB, in which names and index entries count as well, its emulator 4 MiB.
MAX_COMMIT_BYTES = 3_000_000
# What tells whose a text is.
_OWNER = ("team_id", "project_id")
# Of a write, beside the text.
_WRITE_BYTES = 1_000

# Where a refusal for want of quota does not say when to come again.
QUOTA_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 5.0
_SHORTEST_CALL_SECONDS = 0.1


class _IncompleteError(exceptions.GoogleAPIError):
    """A stream of answers ended well and too early."""


# Every call may be repeated, whatever became of it: the same writes leave the same documents.
_PASSING = (exceptions.ServerError, exceptions.Aborted, exceptions.Cancelled, _IncompleteError)
_REFUSED = (exceptions.Forbidden, exceptions.Unauthorized)
_NO_DATABASE = (exceptions.NotFound, exceptions.FailedPrecondition)


def firestore_client(project: str, database: str) -> Client:
    """The client of a database; `FIRESTORE_EMULATOR_HOST` leads it to an emulator. Makes no call yet."""
    try:
        return Client(project=project, database=database)
    except GoogleAuthError as error:
        raise ConfigurationError(f"There are no credentials for Firestore: {error}") from error


def packed[T](sized: Iterable[tuple[T, int]]) -> Iterator[list[T]]:
    """The writes in as few commits as the limits allow, in order; each comes with its size in bytes."""
    commit: list[T] = []
    room = MAX_COMMIT_BYTES
    for write, size in sized:
        if commit and (size > room or len(commit) == MAX_COMMIT_WRITES):
            yield commit
            commit, room = [], MAX_COMMIT_BYTES
        commit.append(write)
        room -= size
    if commit:
        yield commit


class FirestoreChunkTexts:
    """See `common.ports.ChunkTexts`.

    A call takes at most `remote_seconds` and is repeated for at most `retry_seconds`; several commits of one `put` or
    `delete` are several calls. `Deferred` where a quota is used up, `ConfigurationError` where the account or the
    database is wrong, `Permanent` with TEXT_TOO_LONG for a text that no document can hold: then nothing is written.
    """

    def __init__(self, client: Client, *, remote_seconds: float, retry_seconds: float) -> None:
        self._client = client
        self._remote_seconds = remote_seconds
        self._retry_seconds = retry_seconds

    def put(self, owner: ChunkOwner, texts: Mapping[UUID, str]) -> None:
        sizes = {chunk_id: len(content.encode()) for chunk_id, content in texts.items()}
        for chunk_id, size in sizes.items():
            if size > MAX_TEXT_BYTES:
                raise Permanent(
                    "TEXT_TOO_LONG",
                    f"Chunk {chunk_id} has {size} bytes of text, and Firestore holds {MAX_TEXT_BYTES} in a document.",
                )
        for chunk_ids in packed((chunk_id, _WRITE_BYTES + size) for chunk_id, size in sizes.items()):
            batch = self._client.batch()
            for chunk_id in chunk_ids:
                batch.set(self._reference(owner, chunk_id), _document(owner, texts[chunk_id]))
            self._commit(batch)

    def get(self, scope: Scope, chunk_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        references = [self._reference(scope, chunk_id) for chunk_id in dict.fromkeys(chunk_ids)]
        if not references:
            return {}
        documents = self._call(lambda seconds: self._read(references, seconds))
        return {UUID(name): document["text"] for name, document in documents.items() if _belongs(document, scope)}

    def present(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> frozenset[UUID]:
        references = [self._reference(owner, chunk_id) for chunk_id in dict.fromkeys(chunk_ids)]
        if not references:
            return frozenset()
        documents = self._call(lambda seconds: self._read(references, seconds, fields=_OWNER))
        return frozenset(UUID(name) for name, document in documents.items() if _belongs(document, owner))

    def delete(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> None:
        for some in batched(chunk_ids, MAX_COMMIT_WRITES, strict=False):
            batch = self._client.batch()
            for chunk_id in some:
                batch.delete(self._reference(owner, chunk_id))
            self._commit(batch)

    def _reference(self, place: Scope | ChunkOwner, chunk_id: UUID) -> DocumentReference:
        return self._client.document(
            "teams", str(place.team_id), "projects", str(place.project_id), "chunk_texts", str(chunk_id)
        )

    def _commit(self, batch: WriteBatch) -> None:
        self._call(lambda seconds: batch.commit(retry=None, timeout=seconds))

    def _read(
        self, references: list[DocumentReference], seconds: float, *, fields: Sequence[str] | None = None
    ) -> dict[str, dict[str, Any]]:
        """The documents by id, {} for one that is not there; all of them, or only these fields.

        Each has its answer, or the stream ended too early.
        """
        answers = self._client.get_all(references, field_paths=fields, retry=None, timeout=seconds)
        documents = {snapshot.id: snapshot.to_dict() or {} for snapshot in answers}
        if len(documents) < len(references):
            raise _IncompleteError(f"Firestore answered for {len(documents)} of {len(references)} documents")
        return documents

    def _call[T](self, call: Callable[[float], T]) -> T:
        """Make a call, which is given its time-out, and again while it fails in passing."""
        deadline = monotonic() + self._retry_seconds
        retry = Retry(
            predicate=if_exception_type(*_PASSING),
            initial=_FIRST_PAUSE_SECONDS,
            maximum=_LONGEST_PAUSE_SECONDS,
            timeout=self._retry_seconds,
        )

        def attempt() -> T:
            return call(min(self._remote_seconds, max(deadline - monotonic(), _SHORTEST_CALL_SECONDS)))

        try:
            return retry(attempt)()
        except exceptions.ResourceExhausted as error:
            raise Deferred("QUOTA", f"Firestore's quota is used up: {error}", wait_seconds=_pause(error)) from error
        except _REFUSED as error:
            raise ConfigurationError(
                f"Firestore refuses this account: give it roles/datastore.user in AI_INFRA_GOOGLE_PROJECT="
                f"{self._client.project}, or correct that setting ({error})."
            ) from error
        except _NO_DATABASE as error:
            raise ConfigurationError(
                f"AI_INFRA_FIRESTORE_DATABASE has to name a Firestore database in native mode of the project "
                f"{self._client.project} ({error})."
            ) from error
        except exceptions.GoogleAPIError as error:
            raise Retryable("CHUNK_TEXTS_UNAVAILABLE", f"Firestore did not carry out the work: {error}") from error


def _document(owner: ChunkOwner, text: str) -> dict[str, str]:
    return {
        "team_id": str(owner.team_id),
        "project_id": str(owner.project_id),
        "document_id": str(owner.document_id),
        "job_id": str(owner.job_id),
        "text": text,
    }


def _belongs(document: Mapping[str, Any], scope: Scope | ChunkOwner) -> bool:
    """Whether the document itself says so, wherever it was found."""
    return (document.get("team_id"), document.get("project_id")) == (str(scope.team_id), str(scope.project_id))


def _pause(refusal: exceptions.ResourceExhausted) -> float:
    """The seconds after which Firestore wants to be asked again."""
    for detail in refusal.details:
        if isinstance(detail, RetryInfo):
            return float(detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9)
    return QUOTA_SECONDS
