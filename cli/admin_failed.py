"""`ai-infra admin failed`: messages that could not be delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import click

from cli.commands import Group
from cli.exit_codes import ExitCode, exit_code
from cli.installation import installation
from cli.output import Output, details, pass_output, printable, table
from common.administration import Administration
from common.errors import UNDECODABLE, AiInfraError, ConfigurationError, Retryable
from common.replay import Replay


@click.group(cls=Group)
def failed() -> None:
    """Messages that could not be delivered or read."""


@failed.command("list")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Most entries.")
@click.option("--all", "resolved", is_flag=True, help="Also those that need nobody's attention any more.")
@pass_output
def list_failed(output: Output, limit: int, *, resolved: bool) -> None:
    """List them, newest first."""
    with installation() as application:
        found = application.administration.failed(limit, resolved=resolved)
    rows = [
        (each.id, each.received_at, _short(each.subscription), each.reason, each.error, each.job_id, each.resolution)
        for each in found
    ]
    headers = ("ID", "RECEIVED", "SUBSCRIPTION", "REASON", "ERROR", "JOB", "RESOLUTION")
    output.show(found, table(headers, rows, long=3))


@failed.command("show")
@click.argument("message", type=click.UUID)
@click.option("--body", is_flag=True, help="Print the body too: it may hold a document's text.")
@pass_output
def show_failed(output: Output, message: UUID, *, body: bool) -> None:
    """Show one, by its id."""
    with installation() as application:
        found = application.administration.failed_message(message)
        text = application.administration.failed_body(message).decode("utf-8", "replace") if body else None
    shown = details({**asdict(found), "attributes": [f"{name}={value}" for name, value in found.attributes.items()]})
    if text is None:
        output.show(found, shown)
    else:
        output.show({**asdict(found), "body": text}, shown, "", printable(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What is said of one message's replay; `reason` where it could not be replayed."""

    id: UUID
    outcome: str
    sentence: str
    job_id: UUID | None = None
    reason: str | None = None


@failed.command("replay")
@click.argument("messages", type=click.UUID, nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that nobody has resolved.")
@click.option("--reason", help="Those of this reason, such as DATABASE_UNAVAILABLE.")
@click.option("--job", type=click.UUID, help="Those of this job.")
@click.option("--limit", type=click.IntRange(1), default=5000, show_default=True, help="Most messages at a time.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_output
def replay_failed(
    output: Output,
    messages: tuple[UUID, ...],
    *,
    every: bool,
    reason: str | None,
    job: UUID | None,
    limit: int,
    yes: bool,
) -> ExitCode:
    """Send them on their way again, by their ids or as chosen, oldest first.

    A job goes on from where it failed; where what it had done is purged already, its document is processed anew. Where
    the document has moved on, or the message was replayed before, nothing happens. A message that cannot be read is
    replayed only by its id.
    """
    _check_choice(messages, chosen=every or reason is not None or job is not None, reason=reason)
    with installation() as application:
        ids = _named(application.administration, messages)
        if not ids:
            ids = _chosen(output, application.administration, limit, reason, job, yes=yes)
        replay = Replay(
            database=application.database, publisher=application.publisher, default=application.job_settings
        )
        rows, ended = _replayed(replay, ids)
    shown = [(row.id, row.outcome, row.job_id, row.sentence) for row in rows]
    output.show(rows, table(("ID", "OUTCOME", "JOB", "WHAT HAPPENED"), shown))
    output.note(_summary(rows, left=len(ids) - len(rows)))
    return ended


def _check_choice(messages: Sequence[UUID], *, chosen: bool, reason: str | None) -> None:
    if bool(messages) is chosen:
        raise click.UsageError("Name messages by their ids, or choose them with --all, --reason or --job.")
    if reason == UNDECODABLE:
        raise click.UsageError("Messages that cannot be read are replayed one by one, by their ids.")


def _named(administration: Administration, messages: Sequence[UUID]) -> Sequence[UUID]:
    """The ids, each once. One that is mistyped ends the command before anything is sent."""
    return [administration.failed_message(each).id for each in dict.fromkeys(messages)]


def _chosen(
    output: Output,
    administration: Administration,
    limit: int,
    reason: str | None,
    job: UUID | None,
    *,
    yes: bool,
) -> Sequence[UUID]:
    found = administration.replayable(limit, reason=reason, job_id=job)
    if found.undecodable:
        output.note(f"{found.undecodable} that cannot be read are left out: name them by their ids.")
    if found.ids:
        output.confirm(f"Replay {len(found.ids)} messages?", yes=yes)
    return found.ids


def _replayed(replay: Replay, ids: Sequence[UUID]) -> tuple[list[_Row], ExitCode]:
    """A row for each message, up to one at which something did not answer: the rest would fail alike."""
    rows, ended = list[_Row](), ExitCode.OK
    for each in ids:
        try:
            done = replay(each)
        except AiInfraError as error:
            rows.append(_Row(id=each, outcome="error", sentence=error.message, reason=error.reason))
            ended = max(ended, exit_code(error))
            if isinstance(error, Retryable | ConfigurationError):
                break
        else:
            rows.append(_Row(**asdict(done)))
    return rows, ended


def _summary(rows: Sequence[_Row], left: int) -> str:
    counts = Counter(str(row.outcome) for row in rows)
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "Nothing to replay"
    return f"{said}. {left} are left: run it again." if left else f"{said}."


def _short(subscription: str) -> str:
    return subscription.rpartition("/")[2]
