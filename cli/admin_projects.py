"""`ai-infra admin project`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
import msgspec

from cli.commands import Group
from cli.installation import installation, take_up_objects
from cli.output import Output, details, pass_output, table
from common import project_settings
from common.administration import Project
from common.model.documents import ProjectSettings

_SETTINGS = ProjectSettings.__struct_fields__


@click.group(cls=Group)
def project() -> None:
    """Projects of teams; both are named by name or id."""


@project.command("create")
@click.argument("team")
@click.argument("name")
@pass_output
def create_project(output: Output, team: str, name: str) -> None:
    """Make a project; objects that waited for it are taken up."""
    with installation() as application:
        made = application.administration.create_project(team, name)
        taken_up = take_up_objects(application, output)
    output.show({**asdict(made), "taken_up": taken_up}, _details(made))


@project.command("list")
@click.option("--team", help="Only this team's.")
@pass_output
def list_projects(output: Output, team: str | None) -> None:
    """Projects, by team and name."""
    with installation() as application:
        projects = application.administration.projects(team)
    rows = [(each.id, each.team, each.name, each.created_at, _written(each.settings)) for each in projects]
    output.show(projects, table(("ID", "TEAM", "NAME", "CREATED", "SETTINGS"), rows))


@project.command("delete")
@click.argument("team")
@click.argument("project")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_output
def delete_project(output: Output, team: str, project: str, *, yes: bool) -> None:
    """Delete a project: no document of it answers from then on."""
    with installation() as application:
        found = application.administration.project(team, project)
        output.confirm(f"Delete project {found.team}/{found.name} with its documents?", yes=yes)
        deleted = application.administration.delete_project(str(found.team_id), str(found.id))
    output.show(deleted, f"Project {deleted.team}/{deleted.name} is deleted.")


@project.command("set")
@click.argument("team")
@click.argument("project")
@click.option("--chunk-size", type=int, help="Tokens of a chunk.")
@click.option("--chunk-overlap", type=int, help="Tokens that a chunk shares with the one before.")
@click.option("--top-k", type=int, help="Passages that an answer is made from.")
@click.option("--min-score", type=float, help="Least similarity of a passage, from 0 to 1.")
@click.option("--system-prompt", help="What the generator is told beside the question.")
@click.option("--unset", multiple=True, type=click.Choice(_SETTINGS), help="Back to the default; may be repeated.")
@pass_output
def change_project(output: Output, /, team: str, project: str, unset: tuple[str, ...], **options: Any) -> None:
    """Change settings of a project.

    Documents that are there keep their chunks until they are processed again.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if twice := sorted(given.keys() & set(unset)):
        raise click.UsageError(f"Both set and unset: {', '.join(twice)}.")
    if not given and not unset:
        raise click.UsageError("Name at least one setting to set or unset.")
    with installation() as application:

        def change(settings: ProjectSettings) -> ProjectSettings:
            changed = msgspec.structs.replace(settings, **given, **dict.fromkeys(unset))
            project_settings.check(changed, application.settings)
            return changed

        found = application.administration.change_settings(team, project, change)
    output.show(found, _details(found))


def _details(project: Project) -> Any:
    return details({**asdict(project), "settings": _written(project.settings)})


def _written(settings: ProjectSettings) -> list[str]:
    given = msgspec.structs.asdict(settings).items()
    return [f"{name}={value}" for name, value in given if value is not None]
