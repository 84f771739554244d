"""`ai-infra documents`, `document` and `reprocess`."""

from __future__ import annotations

import click

from cli.api import Json
from cli.commands import Command
from cli.connection import chosen_project, connect, project_option
from cli.exit_codes import ExitCode
from cli.following import follow_job
from cli.jobs import output_job, report_job, warnings
from cli.output import Output, details, pass_output, table
from cli.progress import shown_progress
from common.model.documents import DocumentStatus

_STATUSES = click.Choice([status.value for status in DocumentStatus])
_COLUMNS = ("id", "status", "pages", "chunks", "title")


@click.command(cls=Command)
@project_option
@click.option("--status", type=_STATUSES, help="Only those of this status.")
@click.option("--filter", "metadata", help='Only those with this metadata: metadata.KEY = "VALUE" AND …')
@pass_output
def documents(output: Output, project: str | None, status: str | None, metadata: str | None) -> None:
    """List a project's documents, newest first."""
    api = connect()
    found = api.documents(chosen_project(api, project), status, metadata)
    rows = [[each[name] for name in _COLUMNS] for each in found]
    output.show(found, table([name.upper() for name in _COLUMNS], rows))


@click.command(cls=Command)
@click.argument("document")
@pass_output
def document(output: Output, document: str) -> None:
    """Show a document, by its id."""
    found = connect().document(document)
    output.show(found, details({**found, "failure": failure_sentence(found), "warnings": warnings(found)}))


@click.command(cls=Command)
@click.argument("document")
@click.option("--wait", is_flag=True, help="Follow the new job until it is finished; exit code 7 if it failed.")
@pass_output
def reprocess(output: Output, document: str, *, wait: bool) -> ExitCode:
    """Process a document again, by its id.

    Until that is done it answers as before.
    """
    api = connect()
    job = api.reprocess(document)
    if not wait:
        output_job(output, job)
        return ExitCode.OK
    with shown_progress(output) as show:
        finished = follow_job(api, job["id"], show)
    return report_job(output, finished)


def failure_sentence(document: Json) -> str | None:
    """Why the document failed, if it did."""
    failure = document["failure"]
    return failure and f"{failure['reason']} at {failure['stage']}: {failure['message']}"
