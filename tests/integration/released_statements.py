"""The SQL of each version's adapters, kept by the revision of the schema that the version was made with.

`python -m tests.integration.released_statements` writes down what the adapters of the checkout say, under the newest
revision. A record of an earlier revision stays as it is: it is what functions say that are still to be replaced while
the schema is new already, or that a rollback brought back.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, TextClause, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import DBAPIError

import common.adapters.postgres as adapters
from common.adapters.postgres import vectors
from migrations import upgrade

RECORDS = Path(__file__).parent / "released_sql"

type Statements = dict[str, list[str]]
"""By the login that says them."""

# Who says what a module holds; the rest is the pipeline's.
_LOGINS = {
    "administration": "operator",
    "failed_records": "operator",
    "catalog": "api",
    "questions": "api",
    "team": "api",
    "connection": "api",
}
_PIPELINE = "pipeline"
_SCRATCH = "create temporary table"
_RECORDED = (_SCRATCH, "select", "insert", "update", "delete", "with")


def newest_revision() -> str:
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent))
    revision = ScriptDirectory.from_config(config).get_current_head()
    assert revision is not None
    return revision


def statements() -> Statements:
    """What the adapters of the checkout say."""
    said: dict[str, set[str]] = {}
    for name, clause in _clauses():
        statement = _written(clause)
        if statement.lower().startswith(_RECORDED):
            said.setdefault(_LOGINS.get(name, _PIPELINE), set()).add(statement)
    return {login: sorted(each) for login, each in sorted(said.items())}


def _clauses() -> Iterator[tuple[str, TextClause]]:
    for module in pkgutil.iter_modules(adapters.__path__):
        loaded = importlib.import_module(f"{adapters.__name__}.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, TextClause):
                yield module.name, value
    for documents in ("", vectors._OF_DOCUMENTS):
        for search in (vectors._IN_SCOPE, vectors._EXACT, vectors._NEAREST):
            yield "questions", text(search.format(length=384, documents=documents))


def _written(clause: TextClause) -> str:
    """In one line, with Postgres' own names of the parameters."""
    dialect = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    return " ".join(str(clause.compile(dialect=dialect)).split())


def records() -> dict[str, Statements]:
    """The records by their revisions."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(RECORDS.glob("*.json"))}


def failing(connection: Connection, said: list[str]) -> dict[str, str]:
    """The statements that the schema does not serve, with what the server says against each.

    They are planned, not carried out, but for tables of the transaction's own, which others read.
    """
    failed = {}
    for statement in said:
        try:
            with connection.begin_nested():
                planned = "" if statement.startswith(_SCRATCH) else "explain (generic_plan) "
                connection.exec_driver_sql(planned + statement)
        except DBAPIError as error:
            failed[statement] = str(error.orig)
    return failed


def main() -> None:
    RECORDS.mkdir(exist_ok=True)
    file = RECORDS / f"{newest_revision()}.json"
    file.write_text(json.dumps(statements(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(file)


if __name__ == "__main__":
    main()
