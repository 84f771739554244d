"""`ai-infra admin start`: all that a team needs before its first file and its first question."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from cli.admin_keys import issue, to_secret
from cli.commands import Command
from cli.installation import installation, take_up_objects
from cli.output import Output, pass_output
from common.administration import Administration, KeyRecord, Project
from common.errors import AiInfraError


@click.command(cls=Command)
@click.argument("team")
@click.argument("project")
@click.option("--key", "name", default="first", show_default=True, help="The key's name.")
@to_secret
@pass_output
def start(output: Output, team: str, project: str, *, name: str, to_secret: str | None) -> None:
    """Make a team, a project and a key for all of the team, as far as they are missing.

    An active key of this name is left as it is: it cannot be shown again. Revoke it to get a new one.
    """
    with installation() as application:
        place = ensure_project(application.administration, team, project)
        take_up_objects(application, output)
        output.note(f"Project {place.team}/{place.name} is there: {place.id}.")
        found = _active_key(application.administration, team, name)
        if found is None:
            issue(application, output, team, name, secret=to_secret)
        else:
            output.show(asdict(found), f"Key {found.key_id} of team {found.team} is there already: nothing was made.")


def ensure_project(administration: Administration, team: str, project: str) -> Project:
    """The project, made with its team as far as they are missing."""
    with _there_already():
        administration.create_team(team)
    with _there_already():
        administration.create_project(team, project)
    return administration.project(team, project)


@contextmanager
def _there_already() -> Iterator[None]:
    try:
        yield
    except AiInfraError as error:
        if error.reason != "ALREADY_EXISTS":
            raise


def _active_key(administration: Administration, team: str, name: str) -> KeyRecord | None:
    return next((each for each in administration.keys(team) if (each.name, each.status) == (name, "active")), None)
