"""Messages on their way, named so that each replay of a history names them alike."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from common.model.documents import document_id, job_id
from tests.functions.events import SOURCE
from tests.functions.model.expectation import Expectation
from tests.functions.topics import PROJECT, Published

# 20 in infra/topology.yaml; the dead-letter subscription itself never gives up.
ATTEMPTS = 3
DEAD_LETTER = "dead-letter"
_RUNS = 100


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Message:
    """A message that a subscription still owes its function, or owed it once."""

    name: str
    subscription: str
    function: str
    message: dict[str, Any]
    attempts: int = 0
    published_at: datetime = field(default_factory=_now, compare=False)

    @property
    def push(self) -> dict[str, Any]:
        """The body of its next push."""
        published = self.published_at.isoformat()
        body = {
            "message": {**self.message, "publishTime": published, "publish_time": published},
            "subscription": f"projects/{PROJECT}/subscriptions/{self.subscription}",
        }
        return body if self.subscription == DEAD_LETTER else {**body, "deliveryAttempt": self.attempts + 1}

    @property
    def is_worn_out(self) -> bool:
        """True once no attempt is left."""
        return self.subscription != DEAD_LETTER and self.attempts >= ATTEMPTS

    def anew(self) -> Message:
        return replace(self, attempts=0)

    def failed(self) -> Message:
        return replace(self, attempts=self.attempts + 1)

    def earlier(self, by: timedelta) -> Message:
        """As if it had been published so much earlier."""
        return replace(self, published_at=self.published_at - by)

    def dead_letter(self, number: int) -> Message:
        """What the dead-letter topic is sent after the last attempt, as the dead letter of this number."""
        attributes = {
            **self.message["attributes"],
            SOURCE: self.subscription,
            f"{SOURCE}Project": PROJECT,
            "CloudPubSubDeadLetterSourceDeliveryCount": str(ATTEMPTS),
            "CloudPubSubDeadLetterSourceTopicPublishTime": self.published_at.isoformat(),
        }
        message = {**self.message, "attributes": attributes, "messageId": str(number), "message_id": str(number)}
        return Message(f"dead letter {number}, {self.name}", DEAD_LETTER, "dead_letter", message)


@dataclass
class Names:
    """What messages are called: by object, number of the generation, run, project and batch."""

    bucket: str
    expectation: Expectation
    documents: dict[UUID, tuple[str, int]] = field(default_factory=dict)

    def know_project(self, number: int, project: UUID, objects: tuple[str, ...]) -> None:
        """Each object is another document in each project."""
        for name in objects:
            self.documents[document_id(project, self.bucket, name)] = name, number

    def of(self, published: Published) -> str:
        attributes = published.attributes
        if "objectId" in attributes:
            about = self._generation(attributes["objectId"], int(attributes["objectGeneration"]))
        elif "job_id" in attributes:
            about = self._job(UUID(attributes["document_id"]), UUID(attributes["job_id"]))
        else:
            about = self._document(UUID(attributes["document_id"]))
        batch = f" batch {attributes['batch_index']}" if "batch_index" in attributes else ""
        return f"{published.subscription} {about}{batch}"

    def _generation(self, name: str, generation: int) -> str:
        return f"{name.rpartition('/')[2]}#{self.expectation.ordinal(name, generation)}"

    def _document(self, document: UUID) -> str:
        name, project = self.documents[document]
        return f"{name.rpartition('/')[2]} of project {project}"

    def _job(self, document: UUID, job: UUID) -> str:
        name, project = self.documents[document]
        for known, generation in self.expectation.contents:
            for run in range(1, _RUNS):
                if known == name and job_id(document, generation, run) == job:
                    return f"{self._generation(name, generation)} run {run} of project {project}"
        raise AssertionError(f"No generation of {name} has a job {job}.")
