"""Operators' work on the database, under the role `ai_infra_operator`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DBAPIError

from common import names
from common.adapters.postgres.connection import begin
from common.adapters.postgres.documents import uuid_or_none
from common.adapters.postgres.failed_records import PostgresFailedRecords
from common.adapters.postgres.operations import PostgresOperationRows
from common.administration import FailedRecord, KeyRecord, ProgressRecord, Project, Replayable, Team, UnroutedObject
from common.api_keys import NewKey
from common.errors import AiInfraError, ConfigurationError
from common.model.documents import ProjectSettings, StoredObject

_CREATE_TEAM = text("""
    insert into teams (id, name) values (:id, :name)
    on conflict (name) where deleted_at is null do nothing
    returning id, name, created_at
""")

_TEAMS = text("select id, name, created_at from teams where deleted_at is null order by name")

# Locked, so that nothing is added to a team while it is deleted.
_TEAM = text("""
    select id, name, created_at from teams
    where deleted_at is null and (name = :name or id = :id)
    for no key update
""")

_DELETE_PROJECTS = text("update projects set deleted_at = now() where team_id = :team_id and deleted_at is null")

_DELETE_TEAM = text("update teams set deleted_at = now() where id = :team_id")

_CREATE_PROJECT = text("""
    insert into projects (id, team_id, name) values (:id, :team_id, :name)
    on conflict (team_id, name) where deleted_at is null do nothing
    returning id
""")

_PROJECT_COLUMNS = """
    select p.id, p.name, p.team_id, t.name as team, p.settings, p.created_at
    from projects p
    join teams t on t.id = p.team_id and t.deleted_at is null
    where p.deleted_at is null
"""

_PROJECTS = text(f"""
    {_PROJECT_COLUMNS} and (cast(:team_id as uuid) is null or p.team_id = :team_id)
    order by t.name, p.name
""")

_PROJECT = text(f"""
    {_PROJECT_COLUMNS} and p.team_id = :team_id and (p.name = :name or p.id = :id)
    for no key update of p
""")

_DELETE_PROJECT = text("update projects set deleted_at = now() where id = :project_id")

_SET_SETTINGS = text("update projects set settings = cast(:settings as jsonb) where id = :project_id")

_CREATE_KEY = text("""
    insert into api_keys (id, team_id, project_id, key_id, key_hash, pepper_version, name, scopes, expires_at)
    values (:id, :team_id, :project_id, :key_id, :key_hash, :pepper_version, :name, :scopes, :expires_at)
""")

_KEY_COLUMNS = """
    select k.id, k.key_id, k.name, t.name as team, p.name as project, k.scopes, k.status, k.created_at, k.expires_at,
        k.revoked_at, k.last_used_at
    from api_keys k
    join teams t on t.id = k.team_id and t.deleted_at is null
    left join projects p on p.id = k.project_id
"""

_KEYS = text(f"""
    {_KEY_COLUMNS} where cast(:team_id as uuid) is null or k.team_id = :team_id
    order by k.created_at desc, k.id
""")

_KEY = text(f"{_KEY_COLUMNS} where k.key_id = :key_id")

_REVOKE_KEY = text("""
    update api_keys set status = 'revoked', revoked_at = now() where key_id = :key_id and status = 'active'
""")

_UNROUTED = text("""
    select bucket, object_name, generation, size, content_type, reason, message, first_seen_at
    from unrouted_objects
    order by first_seen_at, bucket, object_name
    limit :limit
""")

_PROGRESS = text("""
    select task, examined, cursor, pass_started_at, pass_finished_at, updated_at
    from reconcile_progress
    order by task
""")

# Row level security would show any other login empty tables. A superuser may use every role.
_MAY_ADMINISTER = text("select pg_has_role('ai_infra_operator', 'usage')")

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_NOT_ALLOWED = "42501"
_REFUSALS = {
    _NOT_ALLOWED: "its role may not administer: grant it ai_infra_operator.",
    "42P01": "it has no tables of this system: run the migrations first.",
    "42704": "it has no roles of this system: run the migrations first.",
    "3D000": "there is no such database on the server.",
    "28000": "the server does not let this account in.",
    "28P01": "the server does not accept its password.",
}


def _refused(code: str) -> ConfigurationError:
    return ConfigurationError(f"AI_INFRA_DATABASE_URL cannot be used: {_REFUSALS[code]}")


def _project(row: Row[Any]) -> Project:
    return Project(**{**row._asdict(), "settings": msgspec.convert(row.settings, ProjectSettings)})


def _key(row: Row[Any]) -> KeyRecord:
    return KeyRecord(**{**row._asdict(), "scopes": tuple(row.scopes)})


def _find_team(connection: Connection, team: str) -> Team:
    row = connection.execute(_TEAM, {"name": team, "id": uuid_or_none(team)}).one_or_none()
    if row is None:
        raise AiInfraError("NOT_FOUND", f"There is no team {team!r}.")
    return Team(**row._asdict())


def _find_project(connection: Connection, team: Team, project: str) -> Project:
    parameters = {"team_id": team.id, "name": project, "id": uuid_or_none(project)}
    row = connection.execute(_PROJECT, parameters).one_or_none()
    if row is None:
        raise AiInfraError("NOT_FOUND", f"Team {team.name!r} has no project {project!r}.")
    return _project(row)


class PostgresAdministration:
    """See `common.administration.Administration`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        """A transaction; an account or a database that cannot do this work is `ConfigurationError`."""
        try:
            with begin(self._engine) as connection:
                if not connection.execute(_MAY_ADMINISTER).scalar_one():
                    raise _refused(_NOT_ALLOWED)
                yield connection
        except DBAPIError as error:
            details = error.orig.args[0] if error.orig is not None and error.orig.args else {}
            code = details.get("C", "") if isinstance(details, dict) else ""
            if code not in _REFUSALS:
                raise
            raise _refused(code) from error

    def create_team(self, name: str) -> Team:
        names.check("team", name)
        with self._begin() as connection:
            row = connection.execute(_CREATE_TEAM, {"id": uuid4(), "name": name}).one_or_none()
        if row is None:
            raise AiInfraError("ALREADY_EXISTS", f"There is a team {name!r} already.")
        return Team(**row._asdict())

    def teams(self) -> Sequence[Team]:
        with self._begin() as connection:
            return [Team(**row._asdict()) for row in connection.execute(_TEAMS)]

    def team(self, team: str) -> Team:
        with self._begin() as connection:
            return _find_team(connection, team)

    def delete_team(self, team: str) -> Team:
        with self._begin() as connection:
            found = _find_team(connection, team)
            for statement in (_DELETE_PROJECTS, _DELETE_TEAM):
                connection.execute(statement, {"team_id": found.id})
        return found

    def create_project(self, team: str, name: str) -> Project:
        names.check("project", name)
        with self._begin() as connection:
            owner = _find_team(connection, team)
            parameters = {"id": uuid4(), "team_id": owner.id, "name": name}
            if connection.execute(_CREATE_PROJECT, parameters).one_or_none() is None:
                raise AiInfraError("ALREADY_EXISTS", f"Team {owner.name!r} has a project {name!r} already.")
            return _find_project(connection, owner, name)

    def projects(self, team: str | None = None) -> Sequence[Project]:
        with self._begin() as connection:
            team_id = None if team is None else _find_team(connection, team).id
            return [_project(row) for row in connection.execute(_PROJECTS, {"team_id": team_id})]

    def project(self, team: str, project: str) -> Project:
        with self._begin() as connection:
            return _find_project(connection, _find_team(connection, team), project)

    def delete_project(self, team: str, project: str) -> Project:
        with self._begin() as connection:
            found = _find_project(connection, _find_team(connection, team), project)
            connection.execute(_DELETE_PROJECT, {"project_id": found.id})
        return found

    def change_settings(self, team: str, project: str, change: Callable[[ProjectSettings], ProjectSettings]) -> Project:
        with self._begin() as connection:
            owner = _find_team(connection, team)
            found = _find_project(connection, owner, project)
            settings = msgspec.json.encode(change(found.settings)).decode()
            connection.execute(_SET_SETTINGS, {"project_id": found.id, "settings": settings})
            return _find_project(connection, owner, str(found.id))

    def create_key(
        self,
        team: str,
        name: str,
        key: NewKey,
        *,
        scopes: Sequence[str],
        project: str | None,
        expires_at: datetime | None,
    ) -> KeyRecord:
        names.check("key", name)
        with self._begin() as connection:
            owner = _find_team(connection, team)
            parameters = {
                "id": uuid4(),
                "team_id": owner.id,
                "project_id": None if project is None else _find_project(connection, owner, project).id,
                "key_id": key.key_id,
                "key_hash": key.key_hash,
                "pepper_version": key.pepper_version,
                "name": name,
                "scopes": list(scopes),
                "expires_at": expires_at,
            }
            connection.execute(_CREATE_KEY, parameters)
            return _key(connection.execute(_KEY, {"key_id": key.key_id}).one())

    def keys(self, team: str | None = None) -> Sequence[KeyRecord]:
        with self._begin() as connection:
            team_id = None if team is None else _find_team(connection, team).id
            return [_key(row) for row in connection.execute(_KEYS, {"team_id": team_id})]

    def revoke_key(self, key_id: str) -> KeyRecord:
        with self._begin() as connection:
            connection.execute(_REVOKE_KEY, {"key_id": key_id})
            row = connection.execute(_KEY, {"key_id": key_id}).one_or_none()
        if row is None:
            raise AiInfraError("NOT_FOUND", f"There is no key with the id {key_id!r}.")
        return _key(row)

    def unrouted(self, limit: int) -> Sequence[UnroutedObject]:
        with self._begin() as connection:
            rows = connection.execute(_UNROUTED, {"limit": limit})
            return [UnroutedObject(**row._asdict()) for row in rows]

    def routable(self, limit: int) -> Sequence[StoredObject]:
        with self._begin() as connection:
            return PostgresOperationRows(connection).routable(limit)

    def progress(self) -> Sequence[ProgressRecord]:
        with self._begin() as connection:
            return [ProgressRecord(**row._asdict()) for row in connection.execute(_PROGRESS)]

    def failed(self, limit: int, *, resolved: bool) -> Sequence[FailedRecord]:
        with self._begin() as connection:
            return PostgresFailedRecords(connection).list(limit, resolved=resolved)

    def failed_message(self, message: UUID) -> FailedRecord:
        with self._begin() as connection:
            return PostgresFailedRecords(connection).one(message)

    def failed_body(self, message: UUID) -> bytes:
        with self._begin() as connection:
            return PostgresFailedRecords(connection).body(message)

    def replayable(self, limit: int, *, reason: str | None = None, job_id: UUID | None = None) -> Replayable:
        with self._begin() as connection:
            return PostgresFailedRecords(connection).replayable(limit, reason=reason, job_id=job_id)
