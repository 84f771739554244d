"""Sending failed messages on their way again. A message is replayed once: what fails anew is a message of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from common import tracing
from common.database import Database, KeptMessage, Transaction, Unrouted
from common.delivery import DEAD_LETTERED, DEFERRALS
from common.errors import NOT_VISIBLE, UNDECODABLE, AiInfraError
from common.messages import DocumentRegistered, DocumentRetired, JobMessage
from common.model.documents import Document, Job, JobSettings, JobStatus
from common.ports import Publisher
from common.registration import document_registered
from common.reprocessing import open_next_run
from common.tracing import TRACEPARENT


class Outcome(StrEnum):
    """What a replay comes to."""

    RESUMED = "resumed"
    REOPENED = "reopened"
    PUBLISHED = "published"
    MOVED_ON = "moved_on"
    ALREADY = "already"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of a failed message: `sentence` says it to a person, `job_id` is the job that goes on."""

    id: UUID
    outcome: Outcome
    sentence: str
    job_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Decision:
    """An outcome with the message that carries it out once it is committed; none where the kept one is sent again."""

    outcome: Outcome
    sentence: str
    message: DocumentRegistered | DocumentRetired | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The use case, on its ports. `default` is how a job splits and embeds where its project says nothing."""

    database: Database
    publisher: Publisher
    default: JobSettings

    def __call__(self, identity: UUID) -> Replayed:
        """Send the message's work on its way again as far as it is still wanted.

        A job is decided on and changed under its locks, then published: what a crash leaves in between, `reconcile`
        sends. A message that is sent as it was is published first and noted after: twice is harmless, never is not.
        """
        with self.database.transaction() as transaction:
            kept = _known(transaction.failed_messages.find(identity), identity)
            decision = self._decide(transaction, kept)
            if decision.message is not None or decision.outcome is Outcome.MOVED_ON:
                _resolve(transaction, identity, decision)
        with tracing.scope(tracing.continued(kept.attributes.get(TRACEPARENT))):
            if decision.message is not None:
                self.publisher.publish([decision.message])
            elif decision.outcome is Outcome.PUBLISHED:
                self._publish_again(kept, decision)
        job_id = decision.message.job_id if isinstance(decision.message, JobMessage) else None
        return Replayed(id=identity, outcome=decision.outcome, sentence=decision.sentence, job_id=job_id)

    def _publish_again(self, kept: KeptMessage, decision: _Decision) -> None:
        if kept.topic is None:
            raise AiInfraError(
                "UNKNOWN_TOPIC", "Nothing tells which topic the message was of: it cannot be sent again."
            )
        self.publisher.publish_raw(kept.topic, kept.data, _as_first_sent(kept.attributes))
        with self.database.transaction() as transaction:
            _resolve(transaction, kept.id, decision)

    def _decide(self, transaction: Transaction, kept: KeptMessage) -> _Decision:
        document = None if kept.document_id is None else transaction.documents.lock(kept.document_id)
        job = None if kept.job_id is None else transaction.jobs.lock(kept.job_id)
        kept = _known(transaction.failed_messages.lock(kept.id), kept.id)
        if kept.resolution is not None:
            return _Decision(Outcome.ALREADY, f"Resolved before: {kept.resolution}")
        if document is None:
            return _sent_again(kept)
        if kept.topic == DocumentRetired.topic:
            message = DocumentRetired(team_id=document.team_id, document_id=document.id)
            return _Decision(Outcome.PUBLISHED, "Asked again to purge what its document left behind.", message)
        moved_on = _moved_on(kept, document, job)
        if moved_on is not None:
            return _Decision(Outcome.MOVED_ON, moved_on)
        if job is None or not job.status.finished:
            return _sent_again(kept)
        return self._go_on(transaction, kept, document, job)

    def _go_on(self, transaction: Transaction, kept: KeptMessage, document: Document, job: Job) -> _Decision:
        """Let the failed job go on if what it has done is there still and can be used; else begin anew."""
        if kept.reason != NOT_VISIBLE and transaction.jobs.resume(job.id):
            message = document_registered(document, job.id, job.generation, job.settings)
            return _Decision(Outcome.RESUMED, "Its job goes on from where it failed.", message)
        project = transaction.documents.route(str(document.team_id), str(document.project_id))
        if isinstance(project, Unrouted):
            return _Decision(Outcome.MOVED_ON, "Its project was deleted.")
        message = open_next_run(transaction, document, project.settings, self.default, replays=job.replays + 1)
        return _Decision(Outcome.REOPENED, f"Its document is processed anew, by job {message.job_id}.", message)


def _known(kept: KeptMessage | None, identity: UUID) -> KeptMessage:
    if kept is None:
        raise AiInfraError("NOT_FOUND", f"There is no failed message {identity}.")
    return kept


def _moved_on(kept: KeptMessage, document: Document, job: Job | None) -> str | None:
    """Why nothing waits for the message any more, if so."""
    generation = document.generation if job is None else job.generation
    if not document.living or document.is_deleted(generation):
        return "Its document was deleted, and what the message held of it."
    return None if job is None else _job_moved_on(kept, document, job)


def _job_moved_on(kept: KeptMessage, document: Document, job: Job) -> str | None:
    if job.status is JobStatus.SUCCEEDED:
        return "Its job has succeeded."
    if not document.wants(job.id):
        return "A newer version or run of its document took its place."
    if job.status is JobStatus.FAILED and kept.reason == UNDECODABLE:
        return "Its job has failed, and not for this message: process the document again."
    if job.resumed_at is not None and kept.received_at < job.resumed_at:
        return "Covered by the replay of another message, by which its job goes on."
    return None


def _sent_again(kept: KeptMessage) -> _Decision:
    return _Decision(Outcome.PUBLISHED, f"Sent again to {kept.topic}.")


def _resolve(transaction: Transaction, identity: UUID, decision: _Decision) -> None:
    replayed = decision.outcome is not Outcome.MOVED_ON
    transaction.failed_messages.resolve(identity, decision.sentence, replayed=replayed)


def _as_first_sent(attributes: Mapping[str, str]) -> Mapping[str, str]:
    """Without what was added on its way: how often it was put off, and where it was given up."""
    return {
        name: value for name, value in attributes.items() if name != DEFERRALS and not name.startswith(DEAD_LETTERED)
    }
