"""What the checks look at: an installation after an apply, and what it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from local.topology import Topology, read_topology
from tests.infra.inventory import State, Values
from tests.infra.profiles import PROFILES
from tests.infra.terraform import INFRA, Workspace, state_of

FUNCTION = "google_cloudfunctions2_function.this"


@dataclass(frozen=True)
class Deployment:
    """An installation: its resources, the variables that it was given, and its topology."""

    state: State
    variables: Mapping[str, Any]
    topology: Topology

    @property
    def name(self) -> str:
        """What the names of its resources start with."""
        return str(self.variables.get("name", "ai-infra"))

    @property
    def project(self) -> str:
        """The id of its project."""
        return str(self.variables["project"])

    @property
    def vector_index(self) -> str:
        """What keeps its vectors: vertex or pgvector."""
        return str(self.variables.get("vector_index", "vertex"))

    @property
    def protected(self) -> bool:
        """Whether its data are protected from being destroyed."""
        return bool(self.variables.get("protect", True))

    def account(self, name: str) -> str:
        """The address of the service account of a function, a job or a part."""
        return f"{self.name}-{name.replace('_', '-')}@{self.project}.iam.gserviceaccount.com"


type Check = Callable[[Deployment], Iterable[str]]
"""Finds what is wrong with an installation: a sentence for each fault, none where there is none."""


@cache
def deployed(profile: str) -> Deployment:
    """The installation that infra/ makes of a profile."""
    return Deployment(state_of(profile), PROFILES[profile], read_topology(INFRA / "topology.yaml"))


def deployed_in(folder: Workspace, profile: str) -> Deployment:
    """The installation that a changed copy of infra/ makes of a profile."""
    topology = read_topology(folder.path / "topology.yaml")
    return Deployment(folder.state(PROFILES[profile]), PROFILES[profile], topology)


def services(deployment: Deployment) -> dict[str, Values]:
    """The `service_config` of each function, by the function's name."""
    return {str(key): only(values["service_config"]) for key, values in deployment.state.of(FUNCTION).items()}


def only(blocks: Any) -> Values:
    """The only block of its kind; empty where there is none."""
    if not blocks:
        return {}
    (block,) = blocks
    return dict(block)


def last(path: str) -> str:
    """The name at the end of a resource's path."""
    return path.rpartition("/")[2]
