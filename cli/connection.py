"""How a user's command finds the API and the project."""

from __future__ import annotations

import os

import click

from cli.api import Api
from common.errors import ConfigurationError

project_option = click.option(
    "--project",
    envvar="AI_INFRA_PROJECT",
    show_envvar=True,
    help="Name or id of the project; not needed if the key sees only one.",
)


def connect() -> Api:
    """The API, as the environment describes it. The key is no option: others on the machine would see it."""
    identity = os.environ.get("AI_INFRA_IDENTITY_TOKEN", "").strip()
    return Api(api_url(), _variable("AI_INFRA_KEY", "an API key"), identity=identity)


def api_url() -> str:
    """The address of the API."""
    return _variable("AI_INFRA_URL", "the address of the API")


def chosen_project(api: Api, project: str | None) -> str:
    """The project that was named, else the only one there is."""
    if project:
        return project
    seen = api.projects()
    if len(seen) != 1:
        names = ", ".join(each["name"] for each in seen) or "none"
        raise click.UsageError(f"Name a project with --project or AI_INFRA_PROJECT; this key sees: {names}.")
    return str(seen[0]["id"])


def _variable(name: str, meaning: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"Set {name} to {meaning}.")
    return value
