"""Chunk texts in Postgres, for installations without Firestore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import Engine, text

from common.adapters.postgres.connection import begin, bind_team
from common.model.chunks import ChunkOwner
from common.model.questions import Scope

_PUT = text("""
    insert into chunk_texts (chunk_id, team_id, project_id, document_id, job_id, text)
    select t.id, :team_id, :project_id, :document_id, :job_id, t.text
    from jsonb_to_recordset(cast(:texts as jsonb)) as t (id uuid, text text)
    on conflict (chunk_id) do update set text = excluded.text
""")

_GET = text("""
    select chunk_id, text from chunk_texts
    where team_id = :team_id and project_id = :project_id and chunk_id = any(:chunk_ids)
""")

_PRESENT = text("""
    select chunk_id from chunk_texts
    where team_id = :team_id and project_id = :project_id and chunk_id = any(:chunk_ids)
""")

_DELETE = text("delete from chunk_texts where team_id = :team_id and chunk_id = any(:chunk_ids)")


class PostgresChunkTexts:
    """See `common.ports.ChunkTexts`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, owner: ChunkOwner, texts: Mapping[UUID, str]) -> None:
        rows = [{"id": str(chunk_id), "text": content} for chunk_id, content in texts.items()]
        with begin(self._engine) as connection:
            connection.execute(
                _PUT,
                {
                    "team_id": owner.team_id,
                    "project_id": owner.project_id,
                    "document_id": owner.document_id,
                    "job_id": owner.job_id,
                    "texts": msgspec.json.encode(rows).decode(),
                },
            )

    def get(self, scope: Scope, chunk_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        parameters = {"team_id": scope.team_id, "project_id": scope.project_id, "chunk_ids": list(chunk_ids)}
        with begin(self._engine) as connection:
            bind_team(connection, scope.team_id)
            return {row.chunk_id: row.text for row in connection.execute(_GET, parameters)}

    def present(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> frozenset[UUID]:
        parameters = {"team_id": owner.team_id, "project_id": owner.project_id, "chunk_ids": list(chunk_ids)}
        with begin(self._engine) as connection:
            return frozenset(connection.execute(_PRESENT, parameters).scalars())

    def delete(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> None:
        with begin(self._engine) as connection:
            connection.execute(_DELETE, {"team_id": owner.team_id, "chunk_ids": list(chunk_ids)})
