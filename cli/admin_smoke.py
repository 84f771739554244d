"""`ai-infra admin smoke`: does the installation that was just deployed answer a question?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click

from cli.admin_start import ensure_project
from cli.api import Api, Json
from cli.ask import citation_text, refusal_sentence
from cli.commands import Command
from cli.connection import api_url
from cli.documents import failure_sentence
from cli.exit_codes import ExitCode
from cli.following import follow_document
from cli.installation import installation
from cli.output import Output, pass_output, printable
from cli.progress import Show, shown_progress
from common.administration import Project
from common.api_keys import SCOPES, new_key
from common.bootstrap import Application, identity_token
from common.errors import Retryable
from common.model.documents import DocumentStatus

NAME = "smoke-test"
"""Of the team, of its project, and of the key."""
QUESTION = "Which colour has the flag of the smoke test?"
_TITLE = "Smoke test"
_TEXT = (
    "The colour of the flag of the smoke test is amber. It is raised after each deployment and taken down at once.\n"
)
# Every function starts anew after a deployment, and a vector may take a minute until it is found.
READY_SECONDS = 420.0
_KEY_LIFETIME = timedelta(minutes=15)


@click.command(cls=Command)
@pass_output
def smoke(output: Output) -> ExitCode:
    """Put a document in, ask about it, and delete it, over the API at AI_INFRA_URL.

    Uses a team and a project `smoke-test`, made when they are missing, and a key of a few minutes. Exits 0 only if the
    answer quotes the document.
    """
    url = api_url()
    with installation() as application:
        place = ensure_project(application.administration, NAME, NAME)
        with _key(application, place) as key, shown_progress(output) as show:
            api = Api(url, key, identity=identity_token(url) if urlsplit(url).scheme == "https" else "")
            document, answer = _asked(api, place, _impatient(show, READY_SECONDS))
    if answer is None:
        output.show(document, f"The document failed: {failure_sentence(document)}")
        return ExitCode.INGESTION_FAILED
    quotes = [each for each in answer["citations"] if each["quote_verified"] and each["document_id"] == document["id"]]
    if not quotes:
        output.show(answer, refusal_sentence(answer["refusal_reason"] or "NO_VERIFIED_QUOTE"))
        return ExitCode.NO_ANSWER
    output.show(answer, printable(answer["answer"]), *(citation_text(each) for each in quotes))
    return ExitCode.OK


@contextmanager
def _key(application: Application, place: Project) -> Iterator[str]:
    """A key for the project, revoked at the end; should that not be reached, it expires soon."""
    made = new_key(application.settings.peppers)
    expires = datetime.now(UTC) + _KEY_LIFETIME
    application.administration.create_key(
        str(place.team_id), NAME, made, scopes=SCOPES, project=str(place.id), expires_at=expires
    )
    try:
        yield made.key
    finally:
        application.administration.revoke_key(made.key_id)


def _asked(api: Api, place: Project, show: Show) -> tuple[Json, Json | None]:
    """A document of its own once it is finished, and the answer from it; None if it failed. Deleted either way."""
    created = api.create_document(str(place.id), _TITLE, _TEXT)
    try:
        document = follow_document(api, created["id"], show, generation=created["generation"], name=_TITLE)
        if document["status"] == DocumentStatus.FAILED:
            return document, None
        return document, api.ask(str(place.id), QUESTION, filter={"document_ids": [document["id"]]})
    finally:
        api.delete(created["id"])


def _impatient(show: Show, seconds: float) -> Show:
    """Shows as `show` does, until it has taken too long."""
    deadline = time.monotonic() + seconds

    def shown(name: str, stage: str, fraction: float) -> None:
        show(name, stage, fraction)
        if time.monotonic() > deadline:
            raise Retryable("NOT_READY", f"{name} was not ready within {seconds:g} s: it is still at stage {stage}.")

    return shown
