"""Repair: send what an inspection found on its way again, by the messages and commands that it missed.

Each remedy looks at the rows again under their locks: what has been mended since, by itself or by another repair, is
left alone. So it may be run as often as wanted, beside everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from common import notifications, tracing
from common.database import Database, Transaction
from common.inspection.findings import Remedy, Violation
from common.messages import DocumentRegistered, DocumentRetired
from common.model.documents import Document, JobSettings, Route, StoredObject
from common.notifications import ObjectEvent
from common.ports import ObjectStore, Publisher
from common.registration import document_registered, object_trace
from common.reprocessing import open_next_run

# Documents of deleted projects and teams that one repair takes out of the answers; `reconcile` does the rest.
_WITHDRAWN = 1000


@dataclass(frozen=True, slots=True)
class Repaired:
    """A violation and what was done about it, in words; `sent` if anything was."""

    violation: Violation
    sent: bool
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """The use case, on its ports. `default` is how a job splits and embeds where its project says nothing."""

    database: Database
    objects: ObjectStore
    publisher: Publisher
    default: JobSettings

    def __call__(self, violations: Iterable[Violation]) -> Iterator[Repaired]:
        """Mend them in turn; several with one remedy of one document, or of one job, are mended once."""
        mended = set[tuple[object, ...]]()
        for violation in violations:
            whose = _whose(violation)
            if whose in mended:
                yield Repaired(violation, sent=False, outcome="mended with one before")
                continue
            mended.add(whose)
            outcome = self._remedies[violation.remedy](violation)
            yield Repaired(violation, sent=bool(outcome), outcome=outcome or "nothing to do any more")

    @property
    def _remedies(self) -> dict[Remedy, Callable[[Violation], str]]:
        """What carries each remedy out; it returns what was done, '' for nothing."""
        return {
            Remedy.ANNOUNCE_FINALIZE: lambda violation: self._announce(ObjectEvent.FINALIZE, violation.stored),
            Remedy.ANNOUNCE_DELETE: lambda violation: self._announce(ObjectEvent.DELETE, violation.stored),
            Remedy.SEND_AGAIN: self._send_again,
            Remedy.REPROCESS: self._reprocess,
            Remedy.PURGE_AGAIN: self._purge_again,
            Remedy.FINISH_DELETION: self._finish_deletion,
            Remedy.BY_HAND: lambda _: "",
        }

    def _announce(self, event: ObjectEvent, stored: StoredObject | None) -> str:
        if stored is None:
            return ""
        with tracing.scope(object_trace(stored.bucket, stored.name, stored.generation)):
            self.publisher.publish_raw(notifications.TOPIC, *notifications.encode(event, stored))
        return f"announced {event} of {stored.uri}#{stored.generation}"

    def _send_again(self, violation: Violation) -> str:
        with self.database.transaction() as transaction:
            document = _locked(transaction, violation)
            job = None if violation.job_id is None else transaction.jobs.lock(violation.job_id)
        if document is None or job is None or job.status.finished:
            return ""
        self._publish(document_registered(document, job.id, job.generation, job.settings))
        return f"sent job {job.id} on its way"

    def _reprocess(self, violation: Violation) -> str:
        with self.database.transaction() as transaction:
            document = _locked(transaction, violation)
            if document is None or not document.living or self._is_processed(transaction, document):
                return ""
            place = transaction.documents.route(str(document.team_id), str(document.project_id))
            if not isinstance(place, Route):
                return ""
            message = open_next_run(transaction, document, place.settings, self.default)
        self._publish(message)
        return f"opened job {message.job_id}"

    @staticmethod
    def _is_processed(transaction: Transaction, document: Document) -> bool:
        """True if a job of the document is on its way: it will do what another would."""
        wanted = None if document.wanted_job_id is None else transaction.jobs.lock(document.wanted_job_id)
        return wanted is not None and not wanted.status.finished

    def _purge_again(self, violation: Violation) -> str:
        with self.database.transaction() as transaction:
            document = _locked(transaction, violation)
            if document is None or violation.job_id is None or transaction.jobs.lock(violation.job_id) is None:
                return ""
            if not transaction.inspection.ask_purge(violation.job_id):
                return ""
        return self._retire(document)

    def _finish_deletion(self, violation: Violation) -> str:
        with self.database.transaction() as transaction:
            document = _locked(transaction, violation)
        if document is None:
            return ""
        stored = violation.stored
        if stored is not None:
            if not document.is_deleted(stored.generation):
                return ""
            self.objects.delete(stored.bucket, stored.name, stored.generation)
        if not document.project_living:
            with self.database.transaction() as transaction:
                withdrawn = transaction.deletions.withdraw(_WITHDRAWN)
            self.publisher.publish(
                DocumentRetired(team_id=team_id, document_id=document_id) for team_id, document_id in withdrawn
            )
        return self._retire(document)

    def _retire(self, document: Document) -> str:
        self.publisher.publish([DocumentRetired(team_id=document.team_id, document_id=document.id)])
        return f"sent for the purge of document {document.id}"

    def _publish(self, message: DocumentRegistered) -> None:
        with tracing.scope(object_trace(message.bucket, message.object_name, message.generation)):
            self.publisher.publish([message])


def _locked(transaction: Transaction, violation: Violation) -> Document | None:
    return None if violation.document_id is None else transaction.documents.lock(violation.document_id)


def _whose(violation: Violation) -> tuple[object, ...]:
    """What a remedy is carried out on: a job, a document, or an object."""
    if violation.stored is not None:
        return violation.remedy, violation.stored.uri, violation.stored.generation
    per_job = violation.remedy in {Remedy.SEND_AGAIN, Remedy.PURGE_AGAIN}
    return violation.remedy, violation.job_id if per_job else violation.document_id
