"""The accounts of a database: who owns its schema, and which group each login is in.

A login on Cloud SQL is a member of `cloudsqlsuperuser` at most, never a superuser: it may make roles under that role,
and inherits no right to. So the roles are made under it, and the schema is made and changed under `OWNER`, which nobody
logs in as and whose rights no login inherits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pg8000.native import identifier
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from common.errors import ConfigurationError

OWNER = "ai_infra_owner"
GROUPS = ("ai_infra_api", "ai_infra_pipeline", "ai_infra_operator")
_ADMINISTRATOR = "cloudsqlsuperuser"
_NOT_ALLOWED = "42501"

LEAST_VECTOR_VERSION = (0, 8)
"""From here on pgvector searches on where a filter takes hits away (`hnsw.iterative_scan`)."""

_VECTOR = text("select installed_version, default_version from pg_available_extensions where name = 'vector'")

# Roles belong to the whole server: another database of it may have made them already, or make them meanwhile.
# What is there is left as it is, so that a run that has nothing to do changes nothing.
_PREPARE = text("""
    create extension if not exists vector;
    create extension if not exists btree_gin;
    do $$
    declare
        wanted text;
    begin
        foreach wanted in array array[
            'ai_infra_owner', 'ai_infra_api', 'ai_infra_pipeline', 'ai_infra_operator', 'ai_infra_search'
        ] loop
            if not exists (select from pg_roles where rolname = wanted) then
                begin
                    execute 'create role ' || quote_ident(wanted) || ' nologin';
                exception when duplicate_object or unique_violation then null;
                end;
            end if;
        end loop;
        if not pg_has_role('ai_infra_owner', 'ai_infra_search', 'set') then
            grant ai_infra_search to ai_infra_owner with inherit false, set true;
        end if;
        if not has_schema_privilege('ai_infra_owner', 'public', 'create with grant option') then
            grant create, usage on schema public to ai_infra_owner with grant option;
        end if;
        if not pg_has_role(session_user, 'ai_infra_owner', 'set') then
            execute 'grant ai_infra_owner to ' || quote_ident(session_user) || ' with inherit false, set true';
        end if;
    end $$
""")

_IS_MANAGED = text("select exists (select from pg_roles where rolname = :name)")
_SCHEMA_OWNER = text("""
    select tableowner from pg_tables where schemaname = 'public' and tablename = 'alembic_version'
""")
_LOGINS = text("select rolname from pg_roles where rolcanlogin and rolname = any(:names)")
_MEMBERSHIPS = text("""
    select login.rolname as login, granted.rolname as "group", grantor.rolname as grantor, m.inherit_option as inherited
    from pg_auth_members m
    join pg_roles login on login.oid = m.member
    join pg_roles granted on granted.oid = m.roleid
    join pg_roles grantor on grantor.oid = m.grantor
    where login.rolname = any(:logins) and granted.rolname = any(:groups)
    order by 1, 2
""")


def check_vector_version(installed: str | None, available: str | None) -> None:
    """Raise `ConfigurationError` unless this is a pgvector that the searches work with."""
    least = ".".join(map(str, LEAST_VECTOR_VERSION))
    if available is None or _version(available) < LEAST_VECTOR_VERSION:
        raise ConfigurationError(
            f"The database server offers pgvector {available or 'not at all'}, and {least} or later is needed: take a"
            " newer version of PostgreSQL, or apply the instance's pending maintenance."
        )
    if installed is not None and _version(installed) < LEAST_VECTOR_VERSION:
        raise ConfigurationError(
            f"The database has pgvector {installed}, and {least} or later is needed: run ALTER EXTENSION vector UPDATE"
            " in it, as the account that made the extension."
        )


def prepare(connection: Connection) -> str:
    """Make what is missing of extensions and roles, and return the role that migrations have to run as.

    That is `OWNER`, or whoever made the schema that is there. `ConfigurationError` for a server or an account that
    cannot serve.
    """
    installed, available = connection.execute(_VECTOR).one_or_none() or (None, None)
    check_vector_version(installed, available)
    with _as_administrator(connection):
        connection.execute(_PREPARE)
    return connection.execute(_SCHEMA_OWNER).scalar_one_or_none() or OWNER


def assign(connection: Connection, logins: Mapping[str, str]) -> list[str]:
    """Put each login into its group and out of the others; returns the statements that were needed.

    `ConfigurationError` if there is no such login: nothing is changed then.
    """
    present = set(connection.execute(_LOGINS, {"names": list(logins)}).scalars())
    if missing := sorted(logins.keys() - present):
        raise ConfigurationError(
            f"AI_INFRA_DATABASE_LOGINS names what is no user of the database server: {', '.join(missing)}. Make the"
            " IAM user of each service account first."
        )
    found = connection.execute(_MEMBERSHIPS, {"logins": list(logins), "groups": list(GROUPS)}).all()
    settled = {row.login for row in found if row.inherited and row.group == logins[row.login]}
    statements = [
        f"revoke {row.group} from {identifier(row.login)} granted by {identifier(row.grantor)}"
        for row in found
        if row.group != logins[row.login]
    ] + [
        f"grant {group} to {identifier(login)} with inherit true"
        for login, group in sorted(logins.items())
        if login not in settled
    ]
    with _as_administrator(connection):
        for statement in statements:
            connection.exec_driver_sql(statement)
    return statements


@contextmanager
def acting_as(connection: Connection, role: str) -> Iterator[None]:
    """The session has this role's rights, and no other, until the context is left."""
    connection.exec_driver_sql(f"set role {identifier(role)}")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql("reset role")
        connection.commit()


@contextmanager
def _as_administrator(connection: Connection) -> Iterator[None]:
    """One transaction that may make roles: on Cloud SQL as the role that may, elsewhere as who is logged in."""
    try:
        if connection.execute(_IS_MANAGED, {"name": _ADMINISTRATOR}).scalar_one():
            connection.exec_driver_sql(f"set local role {_ADMINISTRATOR}")
        yield
        connection.commit()
    except DBAPIError as error:
        connection.rollback()
        details = error.orig.args[0] if error.orig is not None and error.orig.args else {}
        if not isinstance(details, dict) or details.get("C") != _NOT_ALLOWED:
            raise
        raise ConfigurationError(
            f"The database user of the migrations has to be a member of {_ADMINISTRATOR} (database_roles of its"
            f" google_sql_user), or a superuser elsewhere: {details.get('M')}."
        ) from error


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
