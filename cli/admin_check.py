"""`ai-infra admin check`: does each part of the installation answer, and does what always holds hold?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import click

from cli.commands import Command
from cli.exit_codes import ExitCode, exit_code
from cli.installation import installation
from cli.output import Output, pass_output, table
from common import notifications
from common.bootstrap import Application
from common.config import VectorIndexKind
from common.inspection import EVERYTHING, Findings, Inspect, Within
from common.inspection.repair import Repair, Repaired
from common.messages import DocumentRegistered, DocumentRetired
from common.preflight import FOR_OPERATORS, Checked, checked, publishes

# Until what was just written, or removed, can be seen to be: it is asked for a second time after as long.
_SETTLE_SECONDS = {VectorIndexKind.PGVECTOR: 2.0, VectorIndexKind.VERTEX: 60.0}
# Documents of which the parts that are not the database are asked at the same time.
_AT_ONCE = 8
_LOOKED_AT = ("document", "object", "job", "chunk")
_FOR_REPAIR = publishes(notifications.TOPIC, DocumentRegistered.topic, DocumentRetired.topic)


@click.command(cls=Command)
@click.option("--parts", "parts_alone", is_flag=True, help="Only ask each part whether it answers.")
@click.option("--team", help="Only what is this team's, by name or id.")
@click.option("--project", help="Only what is in this project of the team, by name or id.")
@click.option(
    "--recent", is_flag=True, help="Leave out what was purged for good: on Vertex AI each chunk of it costs two calls."
)
@click.option("--repair", is_flag=True, help="Send what does not hold on its way again.")
@click.option(
    "--settle",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Wait so long before what looks wrong is looked at again; default: 2, on Vertex AI 60.",
)
@pass_output
def check(
    output: Output,
    *,
    parts_alone: bool,
    team: str | None,
    project: str | None,
    recent: bool,
    repair: bool,
    settle: float | None,
) -> ExitCode:
    """Ask each part once, then compare bucket, database, vector index and chunk texts: is anything lost or left over?

    A violation is told with what mends it, and ends the command with exit code 8. What is on its way is none. Nothing
    is changed without --repair, which mends by the messages that were missed: it may be run at any time, and again.
    """
    if project is not None and team is None:
        raise click.UsageError("--project needs --team.")
    if parts_alone and (team or recent or repair):
        raise click.UsageError("--parts looks at nothing else.")
    with installation() as application:
        found = list(checked((*FOR_OPERATORS, _FOR_REPAIR) if repair else FOR_OPERATORS, application))
        problem = max((exit_code(each.problem) for each in found if each.problem), default=ExitCode.OK)
        if parts_alone or problem:
            output.show({"parts": _parts(found)}, _parts_table(found))
            return problem
        within = _within(application, team, project) if team else EVERYTHING
        findings = _inspect(application, within, closed_purges=not recent, settle=settle)()
        repaired = list(_repair(application)(findings.violations)) if repair else []
    output.show(
        {"parts": _parts(found), **_entries(findings), "repaired": [_entry(each) for each in repaired]},
        _parts_table(found),
        *_shown(findings),
        *_shown_repair(repaired),
    )
    return ExitCode.VIOLATED if findings.violations else ExitCode.OK


def _within(application: Application, team: str, project: str | None) -> Within:
    """The team's or the project's rows, and its objects under each name that leads there."""
    if project is None:
        found = application.administration.team(team)
        return Within(team_id=found.id, prefixes=tuple(f"{name}/" for name in (found.name, found.id)))
    place = application.administration.project(team, project)
    prefixes = (f"{first}/{second}/" for first in (place.team, place.team_id) for second in (place.name, place.id))
    return Within(team_id=place.team_id, project_id=place.id, prefixes=tuple(prefixes))


def _inspect(application: Application, within: Within, *, closed_purges: bool, settle: float | None) -> Inspect:
    seconds = _SETTLE_SECONDS[application.settings.vector_index] if settle is None else settle
    return replace(
        application.inspection,
        within=within,
        closed_purges=closed_purges,
        at_once=_AT_ONCE,
        settle=lambda: application.clock.sleep(seconds),
    )


def _repair(application: Application) -> Repair:
    return Repair(
        database=application.database,
        objects=application.objects,
        publisher=application.publisher,
        default=application.job_settings,
    )


def _parts(found: Sequence[Checked]) -> list[dict[str, Any]]:
    return [{"part": each.part, "answers": each.problem is None, "state": _state(each)} for each in found]


def _parts_table(found: Sequence[Checked]) -> Any:
    return table(("PART", "STATE"), [(each.part, _state(each)) for each in found])


def _state(each: Checked) -> str:
    return each.problem.message if each.problem else "answers"


def _entries(findings: Findings) -> dict[str, Any]:
    counts = {f"{name}s": getattr(findings, f"{name}s") for name in _LOOKED_AT} | {"in_flight": findings.in_flight}
    return {**counts, "at_rest": findings.at_rest, "violations": [asdict(each) for each in findings.violations]}


def _entry(each: Repaired) -> dict[str, Any]:
    violation = each.violation
    return {
        "reason": violation.reason,
        "subject": violation.subject,
        "remedy": violation.remedy,
        "sent": each.sent,
        "outcome": each.outcome,
    }


def _shown(findings: Findings) -> list[Any]:
    rows = [
        (each.invariant, each.reason, each.remedy, each.subject, each.message, each.remedy.sentence)
        for each in findings.violations
    ]
    headers = ("INVARIANT", "REASON", "REMEDY", "SUBJECT", "MESSAGE", "MENDED BY")
    under_way = f"{findings.in_flight} in flight" if findings.in_flight else "nothing in flight"
    looked_at = ", ".join(_counted(getattr(findings, f"{name}s"), name) for name in _LOOKED_AT)
    summary = f"{looked_at}; {under_way}; {_counted(len(rows), 'violation')}."
    return [table(headers, rows, long=3), summary] if rows else [summary]


def _counted(count: int, name: str) -> str:
    return f"{count or 'no'} {name}{'' if count == 1 else 's'}"


def _shown_repair(repaired: Sequence[Repaired]) -> list[Any]:
    if not repaired:
        return []
    rows = [(each.violation.reason, each.violation.subject, each.outcome) for each in repaired]
    ending = "Check again in a few minutes: what was sent is on its way."
    return [table(("REASON", "SUBJECT", "DONE"), rows), *([ending] if any(each.sent for each in repaired) else [])]
