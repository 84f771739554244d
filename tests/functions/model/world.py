"""An installation whose messages wait until they are chosen, on a clock that is moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from common.administration import Project
from common.bootstrap import Application
from common.errors import Retryable
from common.replay import Replay
from tests.functions.caller import Caller
from tests.functions.installation import Installation
from tests.functions.model.expectation import Expectation
from tests.functions.model.messages import Message, Names
from tests.functions.model.parts import Fault, Moment, Parts
from tests.functions.topics import Published

TEAM, PROJECT = "acme", "docs"
NAMES = (f"{TEAM}/{PROJECT}/a.txt", f"{TEAM}/{PROJECT}/b.txt")

# What refers to what is of no account where all goes.
_EMPTY = """
    do $$ declare emptied text; begin
        set local session_replication_role = replica;
        for emptied in
            select format('delete from %I', table_name) from information_schema.tables
            where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'alembic_version'
        loop execute emptied; end loop;
    end $$
"""

# An hour later all that was noted was noted an hour earlier.
_PASS = """
    do $$ declare moved text; begin
        set local session_replication_role = replica;
        for moved in
            select format('update %I set %s', table_name,
                string_agg(format('%1$I = %1$I - make_interval(secs => {seconds})', column_name), ', '))
            from information_schema.columns
            where table_schema = 'public' and data_type = 'timestamp with time zone' and is_generated = 'NEVER'
            group by table_name
        loop execute moved; end loop;
    end $$
"""


@dataclass
class World:
    """One history of an installation that is empty before it and after."""

    installation: Installation
    parts: Parts
    expectation: Expectation = field(default_factory=Expectation)
    waiting: list[Message] = field(default_factory=list)
    past: dict[str, Message] = field(default_factory=dict)
    dead_letters: dict[str, Message] = field(default_factory=dict)
    projects: list[Project] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = Names(self.installation.bucket, self.expectation)
        self.open_project()
        self.caller: Caller = self.installation.caller(TEAM)

    @property
    def application(self) -> Application:
        return self.installation.applications[0]

    @property
    def past_notifications(self) -> dict[str, Message]:
        """What the bucket told that was delivered before."""
        return {name: each for name, each in self.past.items() if each.subscription in {"intake", "retire-object"}}

    def open_project(self) -> None:
        project = self.installation.project(TEAM, PROJECT)
        self.projects.append(project)
        self.names.know_project(self.expectation.open_project(), project.id, NAMES)

    def close_project(self) -> None:
        self.installation.administration.delete_project(TEAM, PROJECT)
        self.expectation.close_project()

    def put(self, name: str, content: str) -> None:
        """Write the object; of an overwrite the end of the former generation is told, too."""
        former = self.installation.storage.bucket(self.installation.bucket).get_blob(name)
        generation = self.installation.upload(name, content)
        self.expectation.put(name, generation, content)
        if former is not None:
            self.waiting.append(self._deletion(name, int(former.generation)))
        finalized = self.installation.finalized(name, generation, size=str(len(content)))
        self.waiting.append(self._notification("intake", "intake", finalized))

    def remove(self, name: str) -> None:
        """Delete the object in the bucket."""
        self.installation.storage.bucket(self.installation.bucket).blob(name).delete()
        self.waiting.append(self._deletion(name, self.expectation.objects[name]))
        self.expectation.remove(name)

    def deliver(self, message: Message, fault: Fault | None = None) -> int:
        """Push a message; what fails waits for its next attempt, or becomes a dead letter."""
        self.waiting.remove(message)
        self.past[message.name] = message.anew()
        with self._meeting(fault):
            answered = self.installation.deliver(message.function, message.push)
        self._only_faults_fail(answered.status_code, 204, f"{message.name}: {answered.text}")
        if answered.status_code != 204:
            self._wait_again(message.failed())
        if not (self.parts.hit and fault == Fault(0, Moment.BEFORE)):
            self._tell(message)
        return answered.status_code

    def give_up(self, message: Message) -> None:
        """Each attempt that is left fails before it has done anything."""
        self.waiting.remove(message)
        self._bury(message)

    def again(self, message: Message) -> None:
        """The message is delivered once more, whenever that will be."""
        self.waiting.append(message.anew())

    def failed_messages(self) -> dict[str, UUID]:
        """The dead letters that are kept and unresolved."""
        kept = self.installation.rows("select id, message_id from failed_messages where resolved_at is null")
        return {self.dead_letters[row["message_id"]].name: row["id"] for row in kept}

    def replay(self, failed: UUID, fault: Fault | None = None) -> str:
        """What an operator's replay of a failed message comes to."""
        replay = Replay(
            database=self.application.database,
            publisher=self.application.publisher,
            default=self.application.job_settings,
        )
        with self._meeting(fault):
            try:
                return replay(failed).outcome
            except Retryable as error:
                if not self.parts.hit:
                    raise
                return error.reason

    def ask(self, method: str, path: str, fault: Fault | None = None) -> int:
        """What the API answers."""
        with self._meeting(fault):
            answered = self.caller(method, path)
        if answered.status_code >= 500:
            self._only_faults_fail(answered.status_code, 200, answered.text)
        return answered.status_code

    def reconcile(self, fault: Fault | None = None) -> int:
        with self._meeting(fault):
            answered = self.installation.functions["reconcile"].post("/")
        self._only_faults_fail(answered.status_code, 200, answered.text)
        return answered.status_code

    def pass_time(self, by: timedelta) -> None:
        self.installation.rows(_PASS.format(seconds=by.total_seconds()))
        self.waiting = [message.earlier(by) for message in self.waiting]
        self.past = {name: message.earlier(by) for name, message in self.past.items()}

    def document(self, name: str) -> UUID:
        """The document that the object is in the project that lives."""
        about = name, self.expectation.project
        return next(document for document, each in self.names.documents.items() if each == about)

    def stored(self, bucket: str) -> dict[str, int]:
        """The objects of a bucket and their generations."""
        return {blob.name: int(blob.generation) for blob in self.installation.storage.list_blobs(bucket)}

    def clear(self) -> None:
        """Nothing is left of this history."""
        for bucket in (self.installation.bucket, self.installation.extraction_bucket):
            for name in self.stored(bucket):
                self.installation.storage.bucket(bucket).blob(name).delete()
        self.installation.rows(_EMPTY)
        self.installation.topics.take()

    @contextmanager
    def _meeting(self, fault: Fault | None) -> Iterator[None]:
        """What the block does meets the fault, and what it publishes and deletes is waited for."""
        with self.parts.meeting(fault):
            yield
        # Subscriptions push side by side: sorted, what is published at once always waits in the same order.
        found = [self._deletion(each.name, each.generation) for each in self.parts.deleted if each.name in NAMES]
        found += [
            self._message(self.installation.topics.function_of(each), each)
            for each in self.installation.topics.receive(self.parts.published)
        ]
        self.waiting += sorted(found, key=lambda message: message.name)

    def _only_faults_fail(self, code: int, success: int, told: str) -> None:
        assert code == success or (self.parts.hit and code == 503), (code, told)

    def _wait_again(self, message: Message) -> None:
        if message.is_worn_out:
            self._bury(message)
        else:
            self.waiting.append(message)

    def _bury(self, message: Message) -> None:
        number = len(self.dead_letters) + 1
        dead = message.dead_letter(number)
        self.dead_letters[str(number)] = dead
        self.waiting.append(dead)

    def _tell(self, message: Message) -> None:
        """Let the model know what was taken in."""
        told = {"intake": self.expectation.register, "retire-object": self.expectation.retire}.get(message.subscription)
        if told is not None:
            attributes = message.message["attributes"]
            told(attributes["objectId"], int(attributes["objectGeneration"]))

    def _deletion(self, name: str, generation: int) -> Message:
        return self._notification("retire-object", "retire", self.installation.deleted(name, generation))

    def _notification(self, subscription: str, function: str, body: dict[str, object]) -> Message:
        return self._message(function, Published({**body, "subscription": f"…/{subscription}"}))

    def _message(self, function: str, published: Published) -> Message:
        return Message(self.names.of(published), published.subscription, function, published.body["message"])
