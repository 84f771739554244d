"""The command `ai-infra`, run in this process with an environment of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner, Result

from cli.exit_codes import ExitCode
from cli.main import main
from common.setting import variable
from tests.functions.installation import SETTINGS, Installation


@dataclass(frozen=True)
class CommandLine:
    """Runs commands; a variable that is None is not set."""

    environment: Mapping[str, str | None]

    def __call__(self, *arguments: object, typed: str = "", **environment: str | None) -> Result:
        return self._run(arguments, environment, typed)

    def shown(self, *arguments: object, **environment: str | None) -> Any:
        """What a command that must succeed prints with --json; it prints nothing else."""
        result = self._run((*arguments, "--json"), environment)
        assert (result.exit_code, result.stderr) == (ExitCode.OK, ""), result.output
        return json.loads(result.stdout)

    def refused(self, *arguments: object, **environment: str | None) -> tuple[int, str]:
        """Exit code and reason of a command that must fail; with --json it says so on standard error alone."""
        result = self._run((*arguments, "--json"), environment)
        assert result.stdout == ""
        error = json.loads(result.stderr)["error"]
        assert error["message"]
        return result.exit_code, error["reason"]

    def _run(self, arguments: Sequence[object], environment: Mapping[str, str | None], typed: str = "") -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(main, words, input=typed, env={**self.environment, **environment})


def operator(installation: Installation, login: str = "operator") -> CommandLine:
    """The command line of an operator of this installation."""
    settings = {
        **SETTINGS,
        "upload_bucket": installation.bucket,
        "extraction_bucket": installation.extraction_bucket,
        "database_url": installation.database.url(login),
    }
    return CommandLine({variable(name): value for name, value in settings.items()})
