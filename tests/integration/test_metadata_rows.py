"""Documents are found by their metadata within one team and project, by an index, however many others there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.conftest import TestDatabase
from tests.integration.nested_plans import told_within
from tests.rows import Installation, installed, new_place, registered

SEARCH_METADATA = text('select find_documents(:project_id, \'{"kind": "rare"}\')')
MANY_DOCUMENTS = text("""
    insert into documents (id, team_id, project_id, title, source_type, gcs_uri, bucket, object_name, metadata)
    select gen_random_uuid(), team_id, project_id, 'a', source_type, 'a', bucket, object_name || n,
        jsonb_build_object('kind', case n when 1 then 'rare' else 'common' end)
    from documents, generate_series(1, 10000) as n
    where id = :document_id
""")


@pytest.fixture(scope="module")
def installation(database: TestDatabase) -> Iterator[Installation]:
    with installed(database) as installation:
        yield installation


def test_metadata_is_looked_up_in_its_index(installation: Installation) -> None:
    message = registered(installation, new_place(installation))
    with installation.owner.connect() as connection:
        connection.execute(MANY_DOCUMENTS, {"document_id": message.document_id})
        found: list[UUID] = []

        def search() -> None:
            found.extend(connection.execute(SEARCH_METADATA, {"project_id": message.project_id}).scalars())

        told = told_within(connection, "documents", "documents_metadata", message.team_id, search)
        connection.invalidate()
    assert len(found) == 1
    conditions = re.findall(r"Bitmap Index Scan on documents_metadata.*\n\s*Index Cond: (.*)", told)
    assert len(conditions) == 1
    assert all(column in conditions[0] for column in ("team_id", "project_id", "metadata @>"))
