"""`ai-infra admin check`: does each part of the installation answer?"""

from __future__ import annotations

import click

from cli.commands import Command
from cli.exit_codes import ExitCode, exit_code
from cli.installation import installation
from cli.output import Output, pass_output, table
from common.preflight import FOR_OPERATORS, checked


@click.command(cls=Command)
@pass_output
def check(output: Output) -> ExitCode:
    """Ask each part once: database, buckets, embedder, vector index, chunk texts, generator.

    To be run after settings or permissions have changed, with the settings of a function. Writes nothing.
    """
    with installation() as application:
        found = list(checked(FOR_OPERATORS, application))
    states = [(each.part, each.problem.message if each.problem else "answers") for each in found]
    entries = [
        {"part": part, "answers": each.problem is None, "state": state}
        for each, (part, state) in zip(found, states, strict=True)
    ]
    output.show(entries, table(("PART", "STATE"), states))
    return max((exit_code(each.problem) for each in found if each.problem), default=ExitCode.OK)
