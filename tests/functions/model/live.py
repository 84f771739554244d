"""What answers now, and whether anything is left where nothing should be."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from tests.functions.installation import Installation

_LIVE = """
    select d.object_name, d.status::text as document_status, j.id as job_id, j.generation, j.status::text as status,
        j.total_chunks,
        array_agg(c.chunk_index order by c.chunk_index) as indexes,
        array_agg(c.char_start order by c.chunk_index) as starts,
        array_agg(c.char_end order by c.chunk_index) as ends,
        array_agg(x.text order by c.chunk_index) as texts,
        bool_or(c.retired_at is not null) as retired, count(v.chunk_id) as vectors
    from documents d
    join projects p on p.id = d.project_id and p.deleted_at is null
    join ingestion_jobs j on j.id = d.active_job_id
    left join document_chunks c on c.job_id = j.id
    left join chunk_texts x on x.chunk_id = c.id
    left join chunk_vectors v on v.team_id = :team_id and v.chunk_id = c.id
    group by d.id, j.id
"""


@dataclass(frozen=True)
class Live:
    """A document's live chunks, with their texts and vectors."""

    object_name: str
    document_status: str
    job_id: UUID
    generation: int
    status: str
    total_chunks: int
    indexes: list[int]
    starts: list[int]
    ends: list[int]
    texts: list[str]
    retired: bool
    vectors: int

    def check_whole(self) -> None:
        """Chunks 0…n-1 of a job that succeeded, all with text and vector, none retired."""
        assert self.status == "succeeded", self
        assert self.indexes == list(range(self.total_chunks)), self
        assert None not in self.texts, self
        assert self.vectors == self.total_chunks, self
        assert not self.retired, self

    def says(self, content: str) -> bool:
        """True if the chunks are of this text and leave nothing of it out."""
        pieces = list(zip(self.starts, self.ends, self.texts, strict=True))
        covered = {place for start, end, _ in pieces for place in range(start, end)}
        left_out = "".join(each for place, each in enumerate(content) if place not in covered)
        return not left_out.strip() and all(content[start:end] == text for start, end, text in pieces)


def live(installation: Installation, team_id: UUID) -> dict[str, Live]:
    """What answers, by object name."""
    return {row["object_name"]: Live(**row) for row in installation.rows(_LIVE, team_id=team_id)}
