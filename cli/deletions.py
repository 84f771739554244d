"""`ai-infra delete`, `deletions` and `deletion`."""

from __future__ import annotations

import click

from cli.api import Json
from cli.commands import Command
from cli.connection import chosen_project, connect, project_option
from cli.following import follow_deletion
from cli.output import Output, details, pass_output, table
from cli.progress import shown_progress

_COLUMNS = ("id", "status", "cause", "created_at", "completed_at", "title")


@click.command(cls=Command)
@click.argument("document")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Follow until all that was made of it is seen to be gone: minutes.")
@pass_output
def delete(output: Output, document: str, *, yes: bool, wait: bool) -> None:
    """Delete a document, by its id.

    It answers nothing from now on. Its object in the bucket is deleted too; what was made of it is removed behind that,
    and the receipt tells when it is gone.
    """
    api = connect()
    found = api.document(document)
    output.confirm(f"Delete {found['title']} ({found['gcs_uri']})?", yes=yes)
    deleted = api.delete(found["id"])
    if not wait:
        output.show(deleted, f"{found['title']} is deleted.")
        output.note(f"Its receipt: ai-infra deletion {deleted['deletion']['id']}")
        return
    with shown_progress(output) as show:
        finished = follow_deletion(api, deleted["deletion"]["id"], show)
    _output_deletion(output, finished)


@click.command(cls=Command)
@project_option
@pass_output
def deletions(output: Output, project: str | None) -> None:
    """List the receipts of a project's deletions, newest first."""
    api = connect()
    found = api.deletions(chosen_project(api, project))
    rows = [[each[name] for name in _COLUMNS] for each in found]
    output.show(found, table([name.upper() for name in _COLUMNS], rows))


@click.command(cls=Command)
@click.argument("deletion")
@click.option("--wait", is_flag=True, help="Follow until it is complete.")
@pass_output
def deletion(output: Output, deletion: str, *, wait: bool) -> None:
    """Show a deletion's receipt, by its id: what was removed where, and what stays."""
    api = connect()
    if not wait:
        _output_deletion(output, api.deletion(deletion))
        return
    with shown_progress(output) as show:
        finished = follow_deletion(api, deletion, show)
    _output_deletion(output, finished)


def _output_deletion(output: Output, receipt: Json) -> None:
    output.show(receipt, details(receipt))
