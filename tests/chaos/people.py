"""Who asks for things in a run: those who put objects into the bucket, users of the API, operators, the scheduler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from common import api_keys
from common.administration import take_up
from common.model.documents import document_id
from common.replay import Replay
from tests.chaos import scenario
from tests.chaos.bucket import UPLOADS
from tests.chaos.checks import Checks
from tests.chaos.installation import VERSIONS
from tests.chaos.tasks import Task
from tests.chaos.world import World
from tests.functions.installation import PEPPERS

type Ask = Callable[[str, str, Callable[[], Any], Callable[[Task], None] | None], None]


@dataclass(frozen=True)
class Done:
    """The answer to what an operator does by hand."""

    status_code: int = 200
    text: str = ""


class People:
    """Each method is a command of `tests.chaos.scenario`; `ask` carries a request out as a task."""

    def __init__(self, world: World, ask: Ask, checks: Checks) -> None:
        self._world, self._ask, self._checks = world, ask, checks
        self._keys: dict[str, str] = {}

    def take_keys(self) -> None:
        """An API key for each living team that has none."""
        for row in self._world.rows("select name from teams where deleted_at is null order by name"):
            team = row["name"]
            # Whoever deletes it holds its row, and may rest for as long as the run likes.
            deleting = any(task.name.startswith(f"delete team {team} ") for task in self._world.scheduler.tasks)
            if team not in self._keys and not deleting:
                made = api_keys.new_key(PEPPERS)
                self._world.installation.operator.administration.create_key(
                    team, "chaos", made, scopes=api_keys.SCOPES, project=None, expires_at=None
                )
                self._keys[team] = made.key

    def upload(self, name: str, number: int) -> None:
        self._world.bucket.upload(UPLOADS, name, scenario.content(name, number), "text/plain", {})

    def remove(self, name: str, _: int) -> None:
        self._world.bucket.delete(UPLOADS, name)

    def api_delete(self, name: str, _: int) -> None:
        self._call("delete", "DELETE", name, "")

    def reprocess(self, name: str, _: int) -> None:
        self._call("reprocess", "POST", name, ":reprocess")

    def read(self, name: str, _: int) -> None:
        self._call("read", "GET", name, "/chunks", partial(self._checks.read, name))

    def create(self, path: str, number: int) -> None:
        team, project = path.split("/", 1)
        body = {"title": f"Note {number}", "text": scenario.content(path, number).decode()}
        self._request(f"create {path}", team, "POST", f"/v1/projects/{project}/documents", json=body)

    def reconcile(self, _: str, __: int) -> None:
        client = self._world.installation.clients["reconcile"]
        self._ask("reconcile", "reconcile", lambda: client.post("/"), None)

    def deploy(self, _: str, number: int) -> None:
        self._world.version = number % len(VERSIONS)

    def delete_project(self, path: str, _: int) -> None:
        team, project = path.split("/", 1)
        living = "select 1 from projects p join teams t on t.id = p.team_id where p.name = :project and t.name = :team"
        if self._world.rows(f"{living} and p.deleted_at is null and t.deleted_at is null", project=project, team=team):
            self._operate(
                f"delete project {path}",
                lambda: self._world.installation.operator.administration.delete_project(team, project),
            )

    def delete_team(self, team: str, _: int) -> None:
        if self._world.rows("select 1 from teams where name = :team and deleted_at is null", team=team):
            self._operate(
                f"delete team {team}", lambda: self._world.installation.operator.administration.delete_team(team)
            )
            self._keys.pop(team, None)

    def restore(self, path: str, _: int) -> None:
        self._world.create_project(path)
        self.take_keys()
        operator = self._world.installation.operator
        self._operate(f"take up {path}", lambda: take_up(operator.administration, lambda: operator.publisher, 100))

    def replay(self, _: str, __: int) -> None:
        """Every message that is kept and not resolved is sent again."""
        operator = self._world.installation.operator
        replay = Replay(database=operator.database, publisher=operator.publisher, default=operator.job_settings)
        kept = self._world.rows("select id from failed_messages where resolution is null order by received_at, id")
        for number, row in enumerate(kept, 1):
            self._operate(f"replay {number}", partial(replay, row["id"]))

    def _operate(self, name: str, work: Callable[[], object]) -> None:
        def operate() -> Done:
            work()
            return Done()

        self._ask(name, "operator", operate, None)

    def _call(self, what: str, method: str, name: str, suffix: str, end: Callable[[Task], None] | None = None) -> None:
        team, project, _ = name.split("/", 2)
        for project_id, path in self._world.projects.items():
            if path == f"{team}/{project}":
                document = document_id(project_id, UPLOADS, name)
        self._request(f"{what} {name}", team, method, f"/v1/documents/{document}{suffix}", end)

    def _request(
        self, what: str, team: str, method: str, path: str, end: Callable[[Task], None] | None = None, **body: Any
    ) -> None:
        headers = {"Authorization": f"Bearer {self._keys.get(team, 'none')}"}
        client = self._world.installation.clients["api"]
        self._ask(what, "api", lambda: client.open(path, method=method, headers=headers, **body), end)
