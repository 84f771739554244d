"""Functions and jobs are told what their code reads, and nothing else."""

from __future__ import annotations

import pytest

from common.config import VectorIndexKind
from tests.infra.checks import ENVIRONMENT
from tests.infra.checks.deployment import Check, Deployment
from tests.infra.reads import ADMIN, DECLARED, MIGRATE, ROOT, reads

FUNCTIONS = sorted(file.parent.name for file in (ROOT / "functions").glob("*/main.py"))
# What profile `local` reads in their place, and what is read before a program has its application.
OTHERWISE = {"database_url"}


@pytest.mark.parametrize("check", ENVIRONMENT, ids=lambda check: check.__name__)
def test_each_program_is_told_what_it_reads(check: Check, deployment: Deployment) -> None:
    assert list(check(deployment)) == []


def test_every_setting_is_read_by_some_program() -> None:
    read = {name for program in (*FUNCTIONS, ADMIN, MIGRATE) for name in reads(program, VectorIndexKind.VERTEX)}
    assert DECLARED - read == OTHERWISE


@pytest.mark.parametrize(
    ("program", "name", "read"),
    [
        ("chunk", "max_document_pages", True),  # by main.py
        ("retire", "extraction_bucket", True),  # when it is first needed
        ("reconcile", "upload_bucket", True),  # by a check at the start, too
        ("api", "max_question_characters", True),  # by a module of the function's
        ("api", "key_peppers", True),  # behind a property
        ("intake", "embedding_model", True),  # as a part of the job's settings
        ("dead_letter", "cloud_sql_user", True),  # at the first login
        ("dead_letter", "vector_index", False),
        ("chunk", "firestore_database", False),
        ("embed", "generation_model", False),
        (MIGRATE, "upload_bucket", False),
    ],
)
def test_what_a_program_reads_is_found_wherever_it_does(program: str, name: str, *, read: bool) -> None:
    assert (name in reads(program, VectorIndexKind.VERTEX)) is read


def test_pgvector_needs_no_setting_of_vertex() -> None:
    unneeded = reads("embed", VectorIndexKind.VERTEX) - reads("embed", VectorIndexKind.PGVECTOR)
    assert unneeded == {"vector_index_name", "vector_index_endpoint", "vector_index_domain", "deployed_index"}
