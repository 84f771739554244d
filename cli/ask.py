"""`ai-infra ask`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click
from rich.text import Text

from cli.api import Json
from cli.commands import Command
from cli.connection import chosen_project, connect, project_option
from cli.exit_codes import ExitCode
from cli.metadata import metadata_option
from cli.output import Output, pass_output, printable
from common.model.questions import RefusalReason

_REFUSALS = {
    RefusalReason.NO_RELEVANT_CONTEXT: "nothing in the documents fits the question",
    RefusalReason.PROJECT_EMPTY: "the project has no documents that are ready",
    RefusalReason.UNSUPPORTED_ANSWER: "no passage supports an answer",
    RefusalReason.SAFETY_BLOCKED: "the model declined to answer",
}


@click.command(cls=Command)
@click.argument("question")
@project_option
@click.option("--top-k", type=click.IntRange(1), help="Passages that the answer is made from.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Least similarity of a passage.")
@click.option("--document", "documents", multiple=True, type=click.UUID, help="Only from this one; may be repeated.")
@metadata_option("Only from documents with this metadata; may be repeated.")
@click.option("--system-prompt", help="What the generator is told beside the question.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="How freely the generator words the answer.")
@click.option("--max-tokens", type=click.IntRange(1), help="Longest answer.")
@pass_output
def ask(
    output: Output,
    /,
    question: str,
    project: str | None,
    documents: tuple[UUID, ...],
    metadata: dict[str, str],
    **options: float | str | None,
) -> ExitCode:
    """Ask a question of a project.

    Prints the answer, then each quote with its document and page. Exit code 6 if the documents do not answer it.
    """
    api = connect()
    fields: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    narrowed = {"document_ids": [str(each) for each in documents], "metadata": metadata}
    if wanted := {name: value for name, value in narrowed.items() if value}:
        fields["filter"] = wanted
    answer = api.ask(chosen_project(api, project), question, **fields)
    if answer["refusal_reason"] is not None:
        output.show(answer, refusal_sentence(answer["refusal_reason"]))
        return ExitCode.NO_ANSWER
    output.show(answer, printable(answer["answer"]), *(citation_text(each) for each in answer["citations"]))
    return ExitCode.OK


def refusal_sentence(reason: str) -> str:
    """What a person is told instead of an answer."""
    known = {each.value: sentence for each, sentence in _REFUSALS.items()}
    return f"No answer: {known.get(reason, 'the question was refused')} ({reason})."


def citation_text(citation: Json) -> Text:
    """A quote with its document and page."""
    first, last = citation["page_start"], citation["page_end"]
    pages = f"page {first}" if first == last else f"pages {first}–{last}"
    place = Text(f"\n[{citation['rank']}] {printable(citation['title'])}, {pages}", style="bold")
    return Text("\n").join([place, Text(f"    “{printable(citation['quote'])}”")])
