"""`ai-infra job`."""

from __future__ import annotations

import click

from cli.api import Json
from cli.commands import Command
from cli.connection import connect
from cli.exit_codes import ExitCode
from cli.following import follow_job
from cli.output import Output, details, pass_output
from cli.progress import shown_progress
from common.model.documents import JobStatus


@click.command(cls=Command)
@click.argument("job")
@click.option("--watch", is_flag=True, help="Follow the job until it is finished; exit code 7 if it failed.")
@pass_output
def job(output: Output, job: str, *, watch: bool) -> ExitCode:
    """Show an ingestion job, by its id."""
    api = connect()
    if not watch:
        output_job(output, api.job(job))
        return ExitCode.OK
    with shown_progress(output) as show:
        finished = follow_job(api, job, show)
    return report_job(output, finished)


def report_job(output: Output, finished: Json) -> ExitCode:
    """Show a job that was followed to its end."""
    output_job(output, finished)
    return ExitCode.OK if finished["status"] == JobStatus.SUCCEEDED else ExitCode.INGESTION_FAILED


def output_job(output: Output, shown: Json) -> None:
    """Show a job."""
    values = {**shown, "progress": f"{shown['progress']:.0%}", "warnings": warnings(shown)}
    output.show(shown, details(values))


def warnings(shown: Json) -> str | None:
    """What could not be read of a document, or by a job, a sentence a line; None if all was."""
    return "\n".join(shown["warnings"]) or None
