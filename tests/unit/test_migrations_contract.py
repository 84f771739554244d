"""What a migration may do: add, so that the functions of the version before go on working; take away only what a
release has stopped to use, and say which one.

The mark is a comment in the migration: `# contract: 0.3.0 stopped to use documents.source_url`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CONTRACTS = {
    "drops something": (
        r"\bdrop\s+(table|column|type|index|constraint|function|policy|view|schema|default)\b|op\.drop_\w+"
    ),
    "renames something": r"\brename\b|\bnew_(column|table)_name\b|op\.rename_\w+",
    "asks for a value that there was not": r"\bset\s+not\s+null\b|nullable\s*=\s*False(?![^)]*server_default)",
    "changes a type": r"\balter\s+(column\s+)?\w+\s+(set\s+data\s+)?type\b|\btype_\s*=",
    # What is made new is first taken from everybody; a role that a function runs as may create for that moment only.
    "takes a right away": (
        r"\brevoke\b(?![^;]*\bfrom\s+public\b)(?!\s+create\s+on\s+schema\s+public\s+from\s+ai_infra_search\b)"
    ),
    "adds a column that an insert has to name": r"\badd\s+column\b(?![^,;]*\bdefault\b)[^,;]*\bnot\s+null\b",
    "adds a condition to rows": (
        r"\badd\s+(constraint\s+\w+\s+)?(check|unique|foreign\s+key|exclude)\b|\bcreate\s+unique\b"
    ),
}
_MARK = re.compile(r"^# contract: (\d+\.\d+\.\d+) stopped to use \S+", re.MULTILINE)
_FIRST = re.compile(r"^down_revision = None$", re.MULTILINE)


def faults(source: str, releases: set[str]) -> list[str]:
    """What is wrong with the migration: nothing came before the first one."""
    if _FIRST.search(source):
        return []
    marks = _MARK.findall(source)
    if unknown := [mark for mark in marks if mark not in releases]:
        return [f"names {release}, which is no release" for release in unknown]
    found = [what for what, pattern in CONTRACTS.items() if re.search(pattern, source, re.IGNORECASE)]
    return [] if marks else found


def test_every_migration_only_adds_or_says_which_release_stopped_to_use_what_it_takes_away(root: Path) -> None:
    releases = set(re.findall(r"^## \[?(\d+\.\d+\.\d+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.M))
    found = {
        file.name: faults(file.read_text(encoding="utf-8"), releases)
        for file in sorted((root / "migrations" / "versions").glob("*.py"))
    }
    assert found
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("alter table documents drop column source_url", "drops something"),
        ("DROP  INDEX documents_team", "drops something"),
        ("alter table documents rename column title to name", "renames something"),
        ("alter table documents alter column size set not null", "asks for a value that there was not"),
        ("alter table documents alter column size type integer", "changes a type"),
        ("alter table documents alter size set data type integer", "changes a type"),
        ("revoke insert on documents from ai_infra_api", "takes a right away"),
        ("alter table documents add column trace text not null", "adds a column that an insert has to name"),
        ("alter table documents add constraint positive check (size > 0)", "adds a condition to rows"),
        ("create unique index documents_sha256 on documents (sha256)", "adds a condition to rows"),
        ("op.drop_table('documents')", "drops something"),
        ("op.alter_column('documents', 'title', new_column_name='name')", "renames something"),
        ("op.alter_column('documents', 'size', nullable=False)", "asks for a value that there was not"),
        ("op.alter_column('documents', 'size', type_=Integer())", "changes a type"),
        ("alter table documents add column trace text", None),
        ("alter table documents add column tries integer not null default 0, add column trace text", None),
        ("create index concurrently documents_sha256 on documents (sha256)", None),
        ("create table traces (id uuid primary key, document_id uuid not null)", None),
        ("grant select on documents to ai_infra_operator", None),
        ("revoke all on function find_trace(text, uuid) from public", None),
    ],
)
def test_what_takes_away_is_told_from_what_adds(statement: str, fault: str | None) -> None:
    migration = f'down_revision = "0001"\n\nop.execute("""{statement}""")\n'
    assert faults(migration, set()) == ([fault] if fault else [])
    marked = f"# contract: 0.3.0 stopped to use documents.source_url\n{migration}"
    assert faults(marked, {"0.3.0"}) == []
    assert faults(marked, {"0.2.0"}) == ["names 0.3.0, which is no release"]
