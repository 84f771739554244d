"""The team, the project and the API key that a stack comes with, so that it can be used at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from common import api_keys
from common.adapters.postgres.administration import PostgresAdministration
from common.adapters.postgres.connection import connect
from common.administration import Administration, Project
from common.errors import AiInfraError
from local.data_folder import write_for_owner

TEAM, PROJECT, KEY_NAME = "demo", "docs", "demo"


@dataclass(frozen=True)
class DemoTenant:
    """Names, the project's id, and a key that may do everything in this team."""

    team: str
    project: str
    project_id: UUID
    api_key: str


def demo_tenant(operator_url: str, *, peppers: dict[int, str], key_file: Path) -> DemoTenant:
    """The tenant of the earlier runs, with what is missing of it made anew.

    The database knows only the key's hash: the key itself is kept in `key_file`, for its owner alone.
    """
    engine = connect(operator_url, concurrency=1)
    try:
        administration = PostgresAdministration(engine)
        project = _project(administration)
        return DemoTenant(TEAM, project.name, project.id, _key(administration, peppers, key_file))
    finally:
        engine.dispose()


def _project(administration: Administration) -> Project:
    if all(team.name != TEAM for team in administration.teams()):
        administration.create_team(TEAM)
    try:
        return administration.project(TEAM, PROJECT)
    except AiInfraError as error:
        if error.reason != "NOT_FOUND":
            raise
        return administration.create_project(TEAM, PROJECT)


def _key(administration: Administration, peppers: dict[int, str], key_file: Path) -> str:
    active = {record.key_id for record in administration.keys(TEAM) if record.status == "active"}
    kept = key_file.read_text(encoding="utf-8").strip() if key_file.exists() else ""
    presented = api_keys.parse(kept)
    if presented is not None and presented.key_id in active:
        return kept
    made = api_keys.new_key(peppers)
    administration.create_key(TEAM, KEY_NAME, made, scopes=api_keys.SCOPES, project=None, expires_at=None)
    write_for_owner(key_file, made.key + "\n")
    return made.key
