"""Messages without a delivery."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import Connection, text

from common.database import FailedMessage, KeptMessage
from common.errors import AiInfraError
from common.model.documents import DOCUMENT_NAMESPACE
from common.names import recordable

_NOTE_ON_JOB = text("""
    update ingestion_jobs set reason = :reason, error_message = :message
    where id = :job_id and status in ('queued', 'running')
""")

_NOTE_ON_BATCH = text("""
    update ingestion_batches set reason = :reason, error_message = :message
    where job_id = :job_id and batch_index = :batch_index
""")

_NOTED_ON_JOB = text("""
    select reason, error_message as message from ingestion_jobs
    where id = :job_id and status in ('queued', 'running') and reason is not null
""")

_NOTED_ON_BATCH = text("""
    select reason, error_message as message from ingestion_batches
    where job_id = :job_id and batch_index = :batch_index and reason is not null
""")

_KEEP = text("""
    insert into failed_messages (
        id, subscription, topic, message_id, data, attributes, delivery_attempts, published_at, reason, error,
        team_id, document_id, job_id, resolved_at, resolution)
    values (
        :id, :subscription, :topic, :message_id, :data, cast(:attributes as jsonb), :delivery_attempts, :published_at,
        :reason, :error, (select team_id from documents where id = :document_id), :document_id, :job_id,
        case when cast(:resolution as text) is null then null else now() end, :resolution)
    on conflict do nothing
""")

_SCRUB = text("update failed_messages set data = '' where document_id = :document_id and data <> ''")

_KEPT = """
    select id, topic, data, attributes, reason, document_id, job_id, received_at, resolution
    from failed_messages where id = :id
"""

_FIND = text(_KEPT)

_LOCK = text(f"{_KEPT} for no key update")

_RESOLVE = text("""
    update failed_messages
    set resolved_at = now(), resolution = :resolution, replays = replays + cast(:replayed as boolean)::integer,
        replayed_at = case when :replayed then now() else replayed_at end
    where id = :id and resolved_at is null
""")


class PostgresFailedRows:
    """See `common.database.FailedRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, job_id: UUID, batch_index: int | None, error: AiInfraError) -> None:
        parameters = {"job_id": job_id, "reason": error.reason, "message": error.message}
        if batch_index is None:
            self._connection.execute(_NOTE_ON_JOB, parameters)
        else:
            self._connection.execute(_NOTE_ON_BATCH, {**parameters, "batch_index": batch_index})

    def last_error(self, job_id: UUID, batch_index: int | None) -> AiInfraError | None:
        if batch_index is None:
            found = self._connection.execute(_NOTED_ON_JOB, {"job_id": job_id})
        else:
            found = self._connection.execute(_NOTED_ON_BATCH, {"job_id": job_id, "batch_index": batch_index})
        row = found.one_or_none()
        return None if row is None else AiInfraError(row.reason, row.message)

    def keep(self, message: FailedMessage) -> None:
        attributes = {recordable(name): recordable(value) for name, value in message.attributes.items()}
        self._connection.execute(
            _KEEP,
            {
                "id": uuid5(DOCUMENT_NAMESPACE, f"{message.subscription}\n{message.message_id}"),
                "subscription": message.subscription,
                "topic": message.topic,
                "message_id": message.message_id,
                "data": message.data,
                "attributes": msgspec.json.encode(attributes).decode(),
                "delivery_attempts": message.delivery_attempts,
                "published_at": message.published_at,
                "reason": message.reason,
                "error": message.error,
                "document_id": message.document_id,
                "job_id": message.job_id,
                "resolution": message.resolution,
            },
        )

    def scrub(self, document_id: UUID) -> int:
        return self._connection.execute(_SCRUB, {"document_id": document_id}).rowcount

    def find(self, message: UUID) -> KeptMessage | None:
        return self._kept(_FIND, message)

    def lock(self, message: UUID) -> KeptMessage | None:
        return self._kept(_LOCK, message)

    def resolve(self, message: UUID, resolution: str, *, replayed: bool) -> None:
        self._connection.execute(_RESOLVE, {"id": message, "resolution": resolution, "replayed": replayed})

    def _kept(self, statement: Any, message: UUID) -> KeptMessage | None:
        row = self._connection.execute(statement, {"id": message}).one_or_none()
        return None if row is None else KeptMessage(**row._asdict())
