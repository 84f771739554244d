"""The kinds of columns that the tables are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, Integer, MetaData, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ENUM, JSONB
from sqlalchemy.types import UserDefinedType

metadata = MetaData()


class HalfVector(UserDefinedType[Any]):
    """pgvector's `halfvec`, of whatever length the embedder has."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "halfvec"


def enum(name: str, *values: str) -> ENUM:
    """A type of Postgres of these values."""
    return ENUM(*values, name=name, metadata=metadata)


def identity() -> Column[Any]:
    """The id that is a row's primary key."""
    return Column("id", Uuid, primary_key=True)


def reference(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    """The id of another table's row."""
    return Column(name, Uuid, ForeignKey(target), nullable=nullable, primary_key=primary_key)


def time(name: str, *, nullable: bool = True) -> Column[Any]:
    """A moment; one that may not be missing is that of the row's making."""
    default = None if nullable else text("now()")
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def text_column(name: str, *, nullable: bool = False) -> Column[Any]:
    """A text."""
    return Column(name, Text, nullable=nullable)


def integer(name: str, *, nullable: bool = False, default: str | None = None) -> Column[Any]:
    """A whole number."""
    return Column(name, Integer, nullable=nullable, server_default=text(default) if default else None)


def json_column(name: str, default: str | None, *, nullable: bool = False) -> Column[Any]:
    """A document of JSON; `default` is its source."""
    return Column(name, JSONB, nullable=nullable, server_default=text(f"'{default}'") if default else None)


def state(name: str, kind: ENUM, default: str | None = None) -> Column[Any]:
    """A value of an enumeration."""
    return Column(name, kind, nullable=False, server_default=text(f"'{default}'") if default else None)
