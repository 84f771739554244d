"""A team on a running stack: what its people do with files and questions."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from google.cloud.storage import Bucket
from sqlalchemy import Engine

from cli.api import Api
from common import api_keys, config
from common.adapters.postgres.administration import PostgresAdministration
from common.adapters.postgres.connection import connect
from local.schema import OPERATOR
from local.settings import PROJECT, UPLOAD_BUCKET, read_script
from local.stack import Stack
from local.storage import storage_client

FINISHED = {"ready", "failed"}
# How long a test waits for what must happen; only a failing test waits that long.
WAIT_SECONDS = 180.0
POLL_SECONDS = 0.1

_numbers = itertools.count(1)


def eventually[Value](look: Callable[[], Value | None], what: str) -> Value:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"still waiting for {what} after {WAIT_SECONDS:g} s"
        time.sleep(POLL_SECONDS)
    return found


@dataclass(frozen=True)
class Team:
    """Names, and the API as the team's key sees it."""

    stack: Stack
    name: str
    project: str
    project_id: UUID
    api: Api

    @classmethod
    def created(cls, stack: Stack, name: str | None = None) -> Self:
        """A new team with a project `docs` and a key that may do everything."""
        name = name or f"team-{next(_numbers)}"
        peppers = config.load(read_script(stack.folder.admin_environment.read_text())).peppers
        key = api_keys.new_key(peppers)
        engine = connect(stack.database_url(OPERATOR), concurrency=1)
        administration = PostgresAdministration(engine)
        administration.create_team(name)
        project = administration.create_project(name, "docs")
        administration.create_key(name, "tests", key, scopes=api_keys.SCOPES, project=None, expires_at=None)
        engine.dispose()
        return cls(stack, name, "docs", project.id, Api(stack.api, key.key))

    def put(self, path: str, content: bytes | str) -> int:
        """Put an object into the bucket; returns its generation."""
        blob = bucket(self.stack).blob(f"{self.name}/{self.project}/{path}")
        blob.upload_from_string(content)
        return int(blob.generation)

    def finished(self, titles: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The documents of these titles, once they are ready or failed."""
        wanted = set(titles)

        def look() -> dict[str, dict[str, Any]] | None:
            found = {each["title"]: each for each in self.api.documents(self.project) if each["status"] in FINISHED}
            return {title: found[title] for title in wanted} if wanted <= found.keys() else None

        return eventually(look, f"{sorted(wanted)} to be ready or failed")


def bucket(stack: Stack) -> Bucket:
    """The upload bucket, by Google's own client."""
    return storage_client(stack.storage.endpoint, PROJECT).bucket(UPLOAD_BUCKET)


def superuser(stack: Stack) -> Engine:
    """The database with every row in sight."""
    return connect(stack.database_url("postgres"), concurrency=1)
