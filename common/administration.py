"""What operators do: teams, projects and keys, and a look at what found no place. The port and its records.

Teams and projects are named by name or id. What is not there is NOT_FOUND, a name that is taken ALREADY_EXISTS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from common import notifications
from common.api_keys import NewKey
from common.model.documents import ProjectSettings, StoredObject
from common.notifications import ObjectEvent
from common.ports import Publisher


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A living team."""

    id: UUID
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A living project; `team` is its team's name."""

    id: UUID
    name: str
    team_id: UUID
    team: str
    settings: ProjectSettings
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What is kept of an API key; `team` and `project` are names, no project means every one of the team's."""

    id: UUID
    key_id: str
    name: str
    team: str
    project: str | None
    scopes: tuple[str, ...]
    status: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnroutedObject:
    """An object whose name leads to no living team and project, and why."""

    bucket: str
    object_name: str
    generation: int
    size: int
    content_type: str | None
    reason: str
    message: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRecord:
    """What is told of a message that could not be delivered: all but its body, which may hold a document's text.

    `size` is the body's, 0 once it was emptied with its document; `trace` the id of the trace that it belongs to.
    """

    id: UUID
    subscription: str
    topic: str | None
    message_id: str
    attributes: Mapping[str, str]
    size: int
    trace: str | None
    reason: str
    error: str
    delivery_attempts: int | None
    team_id: UUID | None
    document_id: UUID | None
    job_id: UUID | None
    published_at: datetime | None
    received_at: datetime
    replays: int
    replayed_at: datetime | None
    resolved_at: datetime | None
    resolution: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayable:
    """Failed messages that wait to be replayed, oldest first, and how many more are left out as undecodable."""

    ids: Sequence[UUID]
    undecodable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressRecord:
    """How far a task of `reconcile` has come: what it has looked at in the pass under way, up to where, and when."""

    task: str
    examined: int
    cursor: str
    pass_started_at: datetime
    pass_finished_at: datetime | None
    updated_at: datetime


class Administration(Protocol):
    """The operator's work. Each call is one transaction, committed when it returns."""

    def create_team(self, name: str) -> Team:
        """Make a team; see `common.names` for what may name it."""
        ...

    def teams(self) -> Sequence[Team]:
        """All, by name."""
        ...

    def team(self, team: str) -> Team:
        """The team of this name or id."""
        ...

    def delete_team(self, team: str) -> Team:
        """Mark the team and its projects deleted: no key of it works and no document of it answers from now on."""
        ...

    def create_project(self, team: str, name: str) -> Project:
        """Make a project; its name is unique in its team."""
        ...

    def projects(self, team: str | None = None) -> Sequence[Project]:
        """A team's, or all, by team and name."""
        ...

    def project(self, team: str, project: str) -> Project:
        """The project of this name or id in this team."""
        ...

    def delete_project(self, team: str, project: str) -> Project:
        """Mark the project deleted: no document of it answers from now on."""
        ...

    def change_settings(self, team: str, project: str, change: Callable[[ProjectSettings], ProjectSettings]) -> Project:
        """Replace the project's settings by what `change` makes of them; where it raises, nothing is changed."""
        ...

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
        """Keep the hash of a new key."""
        ...

    def keys(self, team: str | None = None) -> Sequence[KeyRecord]:
        """A team's, or all of living teams, revoked ones included, newest first."""
        ...

    def revoke_key(self, key_id: str) -> KeyRecord:
        """Revoke the key of this public key id; one that is revoked stays as it is."""
        ...

    def unrouted(self, limit: int) -> Sequence[UnroutedObject]:
        """Objects without a place, oldest first."""
        ...

    def routable(self, limit: int) -> Sequence[StoredObject]:
        """Objects without a place until now whose team and project exist by now, oldest first."""
        ...

    def progress(self) -> Sequence[ProgressRecord]:
        """What `reconcile` goes through in more than one run, by task."""
        ...

    def failed(self, limit: int, *, resolved: bool) -> Sequence[FailedRecord]:
        """Failed messages, newest first; `resolved` includes those that need nobody's attention any more."""
        ...

    def failed_message(self, message: UUID) -> FailedRecord:
        """The failed message of this id."""
        ...

    def failed_body(self, message: UUID) -> bytes:
        """Its body."""
        ...

    def replayable(self, limit: int, *, reason: str | None = None, job_id: UUID | None = None) -> Replayable:
        """Unresolved failed messages of this reason and this job, at most `limit`."""
        ...


class Secrets(Protocol):
    """Where a key can be handed over without being shown: what a job prints is kept in a log."""

    def add(self, name: str, value: str) -> str:
        """Make this the newest version of the secret of this name, which is there; returns the version's full name."""
        ...


def take_up(administration: Administration, publisher: Callable[[], Publisher], limit: int) -> int:
    """Announce again the objects whose team and project exist by now; returns how many.

    To be called once what created team or project is committed. The publisher is asked for only if there is something
    to publish. Should this not be reached or fail, `reconcile` does the same.
    """
    waiting = administration.routable(limit)
    for stored in waiting:
        publisher().publish_raw(notifications.TOPIC, *notifications.encode(ObjectEvent.FINALIZE, stored))
    return len(waiting)
