"""`ai-infra admin`: an operator's commands, on the database."""

from __future__ import annotations

from dataclasses import asdict

import click

from cli.admin_check import check
from cli.admin_failed import failed
from cli.admin_keys import key
from cli.admin_projects import project
from cli.admin_smoke import smoke
from cli.admin_start import start
from cli.commands import Group
from cli.installation import installation, take_up_objects
from cli.output import Output, details, pass_output, table

_limit = click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Most entries.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group(cls=Group)
def admin() -> None:
    """Teams, projects, keys: for operators.

    Works on the database, by a login that is an operator's, with the settings that the functions have: a stack on this
    machine writes them to DATA/admin.env, on Google Cloud the job `admin` has them.
    """


@admin.group()
def team() -> None:
    """Teams."""


@team.command("create")
@click.argument("name")
@pass_output
def create_team(output: Output, name: str) -> None:
    """Make a team; objects that waited for it are taken up."""
    with installation() as application:
        made = application.administration.create_team(name)
        taken_up = take_up_objects(application, output)
    output.show({**asdict(made), "taken_up": taken_up}, details(asdict(made)))


@team.command("list")
@pass_output
def list_teams(output: Output) -> None:
    """List the teams."""
    with installation() as application:
        teams = application.administration.teams()
    output.show(teams, table(("ID", "CREATED", "NAME"), [(each.id, each.created_at, each.name) for each in teams]))


@team.command("delete")
@click.argument("team")
@_yes
@pass_output
def delete_team(output: Output, team: str, *, yes: bool) -> None:
    """Delete a team, by name or id: no key of it works and no document of it answers from then on."""
    with installation() as application:
        found = application.administration.team(team)
        output.confirm(f"Delete team {found.name} with its projects, keys and documents?", yes=yes)
        deleted = application.administration.delete_team(str(found.id))
    output.show(deleted, f"Team {deleted.name} is deleted.")


admin.add_command(project)
admin.add_command(key)
admin.add_command(check)
admin.add_command(failed)
admin.add_command(start)
admin.add_command(smoke)


@admin.command()
@_limit
@pass_output
def unrouted(output: Output, limit: int) -> None:
    """Objects whose name leads to no team and project, and why. They are taken up once both exist."""
    with installation() as application:
        found = application.administration.unrouted(limit)
    rows = [(each.first_seen_at, each.reason, f"gs://{each.bucket}/{each.object_name}", each.message) for each in found]
    output.show(found, table(("SINCE", "REASON", "OBJECT", "MESSAGE"), rows, long=2))


@admin.command()
@pass_output
def progress(output: Output) -> None:
    """How far `reconcile` has come with what takes it more than one run.

    A pass goes through the whole bucket; the next begins with the run after its end. MOVED is when it last came on.
    """
    with installation() as application:
        found = application.administration.progress()
    rows = [
        (each.task, each.pass_started_at, each.pass_finished_at, each.updated_at, each.examined, each.cursor)
        for each in found
    ]
    headers = ("TASK", "PASS STARTED", "LAST FINISHED", "MOVED", "EXAMINED", "CURSOR")
    output.show(found, table(headers, rows))
