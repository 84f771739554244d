"""One run's world: its database, buckets, mail and functions, and what its documents are called in its trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from uuid import UUID, uuid5

from pg8000.native import Connection

from common.model.chunks import chunk_id
from common.model.documents import document_id, job_id
from common.model.questions import Scope
from common.notifications import ObjectEvent
from local.storage import create_buckets
from tests.chaos import clock, faults, scenario
from tests.chaos.bucket import EXTRACTIONS, UPLOADS, Bucket
from tests.chaos.clock import VirtualClock
from tests.chaos.installation import VERSIONS, Installation, LocalChaos, Surroundings
from tests.chaos.locks import Locks
from tests.chaos.mail import Mail
from tests.chaos.scheduler import Scheduler
from tests.chaos.stack import Stack
from tests.chaos.tasks import current

_NAMES = UUID("5d0ff9b5-2a0f-4d0e-9c3b-3b0f7a3c9f51")
_RUNS = 12


class World:
    """Everything of one run. `rows` reads as the owner of the database."""

    def __init__(self, stack: Stack, seed: int, connection: Connection, name: str, number: int) -> None:
        self.seed, self.name, self.stack = seed, name, stack
        self.scenario = scenario.planned(seed)
        self.plan = faults.planned(seed, self.scenario.moments)
        self.clock = VirtualClock(self._park)
        self.connection = connection
        self.bucket = Bucket(number, lambda: self.clock.moment, self._notified)
        self.mail = Mail(
            emulator=stack.emulator,
            clock=self.clock,
            dice=Random(f"{seed}/mail"),
            habits=self.scenario.habits,
            functions={name: each.function for name, each in stack.topology.subscriptions.items()},
            named=self.message_name,
        )
        self.scheduler = Scheduler(seed, self.clock, Locks(stack.control), self.plan)
        self.projects: dict[UUID, str] = {}
        self.around = Surroundings(
            url=lambda login: stack.server.url(name, login),
            bucket=self.bucket,
            clock=self.clock,
            published=self.mail.collect,
            lag=self.plan.lag,
            cloud=stack.cloud,
        )
        self.installations: dict[int, Installation] = {}
        self.version = 0
        self.texts_elsewhere = stack.cloud is not None
        """Whether chunk texts are kept outside of the database."""
        if stack.cloud is not None:
            stack.cloud.begin(self.clock)

    @property
    def installation(self) -> Installation:
        """What is deployed now."""
        return self._installation(self.version)

    def serving(self, address: str) -> Installation:
        """What this delivery comes to: what is deployed, or while that is rolled out the version next to it."""
        both = self.scenario.rolling and Random(f"{self.seed}/serving/{address}").random() < 0.5
        return self._installation((self.version + 1) % len(VERSIONS) if both else self.version)

    def _installation(self, number: int) -> Installation:
        if number not in self.installations:
            cloud = self.stack.cloud
            profile, parts = ("local", LocalChaos) if cloud is None else ("gcp", cloud.parts)
            self.installations[number] = Installation(self.around, VERSIONS[number], profile, parts)
        return self.installations[number]

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """What the database holds, past every policy."""
        found = self.connection.run(statement, **parameters) or []
        names = [column["name"] for column in self.connection.columns or ()]
        return [dict(zip(names, row, strict=True)) for row in found]

    def move_to(self, seconds: float) -> None:
        """Time passes, in the database too."""
        self.clock.move_to(seconds)
        self.connection.run(f"select setval('chaos.clock', {self.clock.microseconds})")

    def create_project(self, path: str) -> UUID:
        """A project of this name, and its team if there is none; one that lives already stays."""
        team, _, project = path.partition("/")
        teams = self.rows("select id from teams where name = :name and deleted_at is null", name=team)
        team_id = teams[0]["id"] if teams else self._new_id(team)
        if not teams:
            self.rows("insert into teams (id, name) values (:id, :name)", id=team_id, name=team)
        living = self.rows(
            "select id from projects where team_id = :team and name = :name and deleted_at is null",
            team=team_id,
            name=project,
        )
        if living:
            found: UUID = living[0]["id"]
            return found
        project_id = self._new_id(path)
        self.rows(
            "insert into projects (id, team_id, name) values (:id, :team, :name)",
            id=project_id,
            team=team_id,
            name=project,
        )
        self.projects[project_id] = path
        return project_id

    def texts(self, team: UUID, project: UUID, job: UUID, total: int) -> list[str | None]:
        """The job's chunk texts, in order."""
        ids = [chunk_id(job, index) for index in range(total)]
        found = self.installation.applications[0].parts.texts.get(Scope(team, project), ids)
        return [found.get(each) for each in ids]

    def holdings(self) -> dict[str, set[UUID]]:
        """The ids of the chunks that each part holds."""
        columns = {"document_chunks": "id", "chunk_texts": "chunk_id", "chunk_vectors": "chunk_id"}
        held = {
            table: {row[column] for row in self.rows(f"select {column} from {table}")}
            for table, column in columns.items()
        }
        return held if self.stack.cloud is None else {**held, **self.stack.cloud.holdings()}

    def message_name(self, place: str, attributes: dict[str, str], data: bytes) -> str:
        """What a message is about, in names that each run of the seed has."""
        if "eventType" in attributes:
            what = attributes["eventType"].removeprefix("OBJECT_").lower()
            return f"{place}: {what} {attributes['objectId']} g{attributes['objectGeneration']}"
        about = self.document_name(attributes.get("document_id", ""))
        if "job_id" in attributes:
            about += f" {self.job_name(attributes.get('document_id', ''), attributes['job_id'])}"
        if "batch_index" in attributes:
            about += f" b{attributes['batch_index']}"
        return f"{place}: {about}"

    def documents(self) -> Iterator[tuple[UUID, str, str]]:
        """Id, name and project of each document that there can be."""
        for project, path in self.projects.items():
            for name in self.bucket.names():
                yield document_id(project, UPLOADS, name), name, path

    def document_name(self, text: str) -> str:
        for document, name, _ in self.documents():
            if str(document) == text:
                return name
        return "?"

    def job_name(self, document: str, text: str) -> str:
        for generation in sorted({generation for _, generation in self.bucket.written}):
            for run in range(1, _RUNS):
                if str(job_id(UUID(document), generation, run)) == text:
                    return f"g{generation}r{run}"
        return "?"

    def close(self) -> None:
        """Let go of everything."""
        self.scheduler.close()
        for installation in self.installations.values():
            installation.close()
        self.bucket.close()

    def _new_id(self, what: str) -> UUID:
        return uuid5(_NAMES, f"{self.seed}/{what}/{len(self.projects)}")

    def _notified(self, event: ObjectEvent, stored: Any) -> None:
        self.mail.notify(event, stored)

    @staticmethod
    def _park(seconds: float) -> None:
        task = current()
        if task is not None:
            task.rest(seconds)


@contextmanager
def created(stack: Stack, seed: int) -> Iterator[World]:
    """A world of this seed, which is gone afterwards."""
    number = next(stack.numbers)
    name = f"chaos_{number}"
    stack.server.create_database(name, template="template_chaos")
    clock.keep(stack.control, name)
    connection = stack.connect(name)
    world = World(stack, seed, connection, name, number)
    create_buckets(stack.storage, [world.bucket.real_name(each) for each in (UPLOADS, EXTRACTIONS)])
    try:
        yield world
    finally:
        world.close()
        connection.close()
        stack.server.drop_database(name)
