"""Rows of chunks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, text

from common.model.chunks import Chunk, ChunkOwner, chunk_id

PREVIEW_CHARACTERS = 200

# Title and headings weigh more than the text: a question is often asked in a heading's words.
_RECORD = text("""
    insert into document_chunks (
        id, document_id, chunk_index, vector_id, page_start, page_end, char_start, char_end, text_preview, token_count,
        team_id, project_id, job_id, heading_path, page_breaks, tsv)
    select c.id, :document_id, c.index, c.id::text, c.page_start, c.page_end, c.char_start, c.char_end,
        left(c.text, :preview), c.token_count, :team_id, :project_id, :job_id, c.heading_path, c.page_breaks,
        setweight(to_tsvector('english', :title), 'B')
            || setweight(to_tsvector('english', array_to_string(c.heading_path, ' ')), 'A')
            || setweight(to_tsvector('english', c.text), 'D')
    from jsonb_to_recordset(cast(:chunks as jsonb)) as c (
        id uuid, index integer, page_start integer, page_end integer, char_start integer, char_end integer,
        token_count integer, heading_path text[], page_breaks integer[], text text)
    on conflict do nothing
""")


class PostgresChunkRows:
    """See `common.database.ChunkRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, owner: ChunkOwner, title: str, chunks: Sequence[Chunk]) -> None:
        rows = [
            {
                "id": str(chunk_id(owner.job_id, chunk.index)),
                "index": chunk.index,
                "text": chunk.text,
                **msgspec.structs.asdict(chunk.bounds),
            }
            for chunk in chunks
        ]
        self._connection.execute(
            _RECORD,
            {
                "document_id": owner.document_id,
                "team_id": owner.team_id,
                "project_id": owner.project_id,
                "job_id": owner.job_id,
                "title": title,
                "preview": PREVIEW_CHARACTERS,
                "chunks": msgspec.json.encode(rows).decode(),
            },
        )
