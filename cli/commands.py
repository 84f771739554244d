"""Commands and groups that take `--json`, and the program that turns every ending into an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import click

from cli.exit_codes import ExitCode, exit_code
from cli.output import Output
from common.errors import AiInfraError

_JSON = "--json"


def _json_option() -> click.Option:
    # Its value is read by `Program`, which has to know it even where the rest cannot be parsed.
    return click.Option([_JSON], is_flag=True, expose_value=False, help="Print JSON, errors too, and nothing else.")


class Command(click.Command):
    """A command with `--json`; it returns its exit code, or None for 0."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(_json_option())


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(_json_option())


class Program(Group):
    """The group at the root."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line, and exit: it always stands alone."""
        arguments = sys.argv[1:] if args is None else list(args)
        output = Output(as_json=_JSON in takewhile(lambda argument: argument != "--", arguments))
        extra |= {"prog_name": prog_name, "complete_var": complete_var, "obj": output}
        sys.exit(self._run(arguments, output, extra))

    def _run(self, arguments: list[str], output: Output, extra: dict[str, Any]) -> int:
        try:
            return super().main(arguments, standalone_mode=False, **extra) or ExitCode.OK
        except click.Abort:
            output.fail("ABORTED", "Broken off.")
            return ExitCode.FAILED
        except click.ClickException as error:
            if output.as_json:
                output.fail("USAGE", error.format_message())
            else:
                error.show()
            return ExitCode.USAGE
        except AiInfraError as error:
            output.fail(error.reason, error.message)
            return exit_code(error)
