"""The command `ai-infra`."""

from __future__ import annotations

import click

from cli.admin import admin
from cli.ask import ask
from cli.commands import Program
from cli.deletions import delete, deletion, deletions
from cli.documents import document, documents, reprocess
from cli.exit_codes import ExitCode
from cli.fetches import add_url, fetch, fetches
from cli.jobs import job
from cli.upload import upload

_EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"  {code}  {code.meaning}" for code in ExitCode)


@click.group(cls=Program, epilog=_EXIT_CODES)
@click.version_option(package_name="ai-infra")
def main() -> None:
    """Answers questions from a team's own documents.

    Users: set AI_INFRA_URL to the address of the API and AI_INFRA_KEY to an API key. Operators: see `admin`.
    """


for command in (
    ask, upload, add_url, fetches, fetch, documents, document, reprocess, delete, deletions, deletion, job, admin
):  # fmt: skip
    main.add_command(command)
