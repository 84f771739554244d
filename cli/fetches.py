"""`ai-infra add-url`, `fetches` and `fetch`."""

from __future__ import annotations

import click

from cli.api import Api, Json
from cli.commands import Command
from cli.connection import chosen_project, connect, project_option
from cli.documents import failure_sentence
from cli.exit_codes import ExitCode
from cli.following import follow_document, follow_fetch
from cli.metadata import metadata_option
from cli.output import Output, details, pass_output, table
from cli.progress import Show, shown_progress
from common.model.documents import DocumentStatus
from common.model.fetches import FetchStatus

_COLUMNS = ("id", "status", "reason", "created_at", "url")


@click.command("add-url", cls=Command)
@click.argument("url")
@project_option
@click.option("--title", help="Title of the document; default: its own, or the last part of the address.")
@metadata_option("Noted on the document, which is found by it; may be repeated.")
@click.option("--wait", is_flag=True, help="Follow until it is ready or failed; exit code 7 if it failed.")
@pass_output
def add_url(
    output: Output, url: str, project: str | None, title: str | None, metadata: dict[str, str], *, wait: bool
) -> ExitCode:
    """Have the page or file at a web address fetched into a project.

    Asked for again, it is fetched again if the site says that it has changed, or does not say.
    """
    api = connect()
    requested = api.add_url(chosen_project(api, project), url, title, metadata)
    if not wait:
        output.show(requested, details(requested))
        output.note(f"Its progress: ai-infra fetch {requested['id']}")
        return ExitCode.OK
    with shown_progress(output) as show:
        finished = follow_fetch(api, requested["id"], show)
        document = _followed(api, finished, show)
    output.show({**finished, "document": document}, details(finished))
    if document is not None and document["status"] == DocumentStatus.FAILED:
        output.note(f"{document['title']} failed: {failure_sentence(document)}")
        return ExitCode.INGESTION_FAILED
    return ExitCode.OK if document is not None else ExitCode.INGESTION_FAILED


@click.command(cls=Command)
@project_option
@pass_output
def fetches(output: Output, project: str | None) -> None:
    """List the web addresses that were to be fetched into a project, newest first."""
    api = connect()
    found = api.fetches(chosen_project(api, project))
    rows = [[each[name] for name in _COLUMNS] for each in found]
    output.show(found, table([name.upper() for name in _COLUMNS], rows))


@click.command(cls=Command)
@click.argument("fetch")
@pass_output
def fetch(output: Output, fetch: str) -> None:
    """Show what came of a fetch, by its id."""
    found = connect().fetch(fetch)
    output.show(found, details(found))


def _followed(api: Api, fetch: Json, show: Show) -> Json | None:
    """The document that the fetch became, once it is processed; none if there was nothing to be had."""
    if fetch["status"] == FetchStatus.FAILED:
        return None
    return follow_document(api, fetch["document_id"], show, generation=fetch["generation"], name=fetch["url"])
