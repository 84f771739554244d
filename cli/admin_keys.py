"""`ai-infra admin key`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import click

from cli.commands import Group
from cli.expiry import Expiry
from cli.installation import installation
from cli.output import Output, pass_output, table
from common.administration import KeyRecord
from common.api_keys import SCOPES, new_key
from common.bootstrap import Application
from common.errors import AiInfraError

_HEADERS = ("KEY ID", "STATUS", "TEAM", "NAME", "PROJECT", "SCOPES", "EXPIRES", "LAST USED")


@click.group(cls=Group)
def key() -> None:
    """API keys of teams."""


to_secret = click.option(
    "--to-secret",
    metavar="NAME",
    help="Add the key as a version to this secret of Secret Manager instead of printing it: what a job prints is kept.",
)


@key.command("create")
@click.argument("team")
@click.argument("name")
@click.option("--project", help="Only for this project of the team.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="May be repeated; default: all.")
@click.option("--expires", type=Expiry(), help="After so many days, or at this date or time (UTC); default: never.")
@to_secret
@pass_output
def create_key(
    output: Output,
    team: str,
    name: str,
    *,
    project: str | None,
    scopes: tuple[str, ...],
    expires: datetime | None,
    to_secret: str | None,
) -> None:
    """Make a key. It is printed once, on standard output, or kept as a secret, and cannot be shown again."""
    with installation() as application:
        issue(
            application,
            output,
            team,
            name,
            scopes=scopes or SCOPES,
            project=project,
            expires=expires,
            secret=to_secret,
        )


def issue(
    application: Application,
    output: Output,
    team: str,
    name: str,
    *,
    scopes: Sequence[str] = SCOPES,
    project: str | None = None,
    expires: datetime | None = None,
    secret: str | None = None,
) -> None:
    """Make a key and show it, or hand it over to the secret. One that nobody got is revoked."""
    made = new_key(application.settings.peppers)
    kept = application.administration.create_key(team, name, made, scopes=scopes, project=project, expires_at=expires)
    said = f"Key {kept.key_id} of team {kept.team}, {_reach(kept)}"
    if secret is None:
        output.note(f"{said}. This is the only time that it is shown:")
        output.show({**asdict(kept), "key": made.key}, made.key)
        return
    try:
        version = application.secrets.add(secret, made.key)
    except AiInfraError:
        application.administration.revoke_key(made.key_id)
        raise
    output.show({**asdict(kept), "secret": version}, f"{said}, is in {version}.")


@key.command("list")
@click.option("--team", help="Only this team's.")
@pass_output
def list_keys(output: Output, team: str | None) -> None:
    """Keys, newest first, revoked ones too. The keys themselves are not kept."""
    with installation() as application:
        keys = application.administration.keys(team)
    rows = [
        (each.key_id, each.status, each.team, each.name, each.project, each.scopes, each.expires_at, each.last_used_at)
        for each in keys
    ]
    output.show(keys, table(_HEADERS, rows, long=6))


@key.command("revoke")
@click.argument("key_id")
@pass_output
def revoke_key(output: Output, key_id: str) -> None:
    """Revoke the key of this id, as `key list` shows it; it opens nothing from then on."""
    with installation() as application:
        revoked = application.administration.revoke_key(key_id)
    output.show(revoked, f"Key {revoked.key_id} ({revoked.name}) of team {revoked.team} is revoked.")


def _reach(kept: KeyRecord) -> str:
    project = f"project {kept.project}" if kept.project else "every project"
    return f"{project}, scopes {', '.join(kept.scopes)}"
