"""The command line's pure parts: exit codes, expiry dates, objects' names, what a terminal is shown."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.ask import refusal_sentence
from cli.exit_codes import ExitCode, exit_code
from cli.expiry import expiry
from cli.main import main
from cli.output import printable, table
from cli.upload import object_names
from common.errors import AiInfraError, ConfigurationError, Deferred, Permanent, Retryable
from common.model.questions import RefusalReason

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)


def test_the_command_is_the_projects_entry_point() -> None:
    (found,) = entry_points(group="console_scripts", name="ai-infra")
    assert found.load() is main


def test_the_help_tells_every_exit_code() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout
    for code in ExitCode:
        assert f"{code}  {code.meaning}" in shown


def _commands(group: click.Group) -> list[click.Command]:
    groups = [command for command in group.commands.values() if isinstance(command, click.Group)]
    return [*group.commands.values(), *(each for nested in groups for each in _commands(nested))]


def test_every_command_takes_json_and_tells_what_it_does() -> None:
    commands = _commands(main)
    assert len(commands) >= 20
    for command in commands:
        assert "--json" in [option for parameter in command.params for option in parameter.opts], command.name
        assert command.help, command.name


@pytest.mark.parametrize("arguments", [["--json"], ["nothing", "--json"], ["documents", "--nothing", "--json"]])
def test_a_command_line_that_cannot_be_parsed_is_told_in_json_too(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert '"reason": "USAGE"' in result.stderr


def test_a_word_behind_two_dashes_is_no_option() -> None:
    result = CliRunner().invoke(main, ["ask", "--", "--json"], env={"AI_INFRA_URL": "", "AI_INFRA_KEY": ""})
    assert result.stderr == "Set AI_INFRA_URL to the address of the API. (CONFIGURATION)\n"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AiInfraError("ALREADY_EXISTS", ""), ExitCode.FAILED),
        (AiInfraError("NOT_FOUND", ""), ExitCode.NOT_FOUND),
        (Permanent("BUCKET_NOT_FOUND", ""), ExitCode.NOT_FOUND),
        (Permanent("UPLOAD_FORBIDDEN", ""), ExitCode.NOT_AUTHORISED),
        (ConfigurationError(""), ExitCode.USAGE),
        (Retryable("DATABASE_UNAVAILABLE", ""), ExitCode.UNAVAILABLE),
        (Deferred("QUOTA", "", wait_seconds=1.0), ExitCode.UNAVAILABLE),
    ],
)
def test_an_error_has_its_exit_code(error: AiInfraError, expected: ExitCode) -> None:
    assert exit_code(error) == expected


def test_every_refusal_has_a_sentence_of_its_own() -> None:
    sentences = {refusal_sentence(reason).replace(reason, "") for reason in RefusalReason}
    assert len(sentences) == len(RefusalReason)
    assert refusal_sentence("NEW_REASON") == "No answer: the question was refused (NEW_REASON)."


@given(days=st.integers(1, 10_000))
def test_days_are_counted_from_now(days: int) -> None:
    assert expiry(f"{days}d", NOW) == NOW + timedelta(days=days)


@given(moment=st.datetimes(datetime(2026, 11, 25), datetime(2200, 1, 1)))  # noqa: DTZ001 - as an operator writes it
def test_a_moment_without_an_offset_is_utc(moment: datetime) -> None:
    assert expiry(moment.isoformat(), NOW) == moment.replace(tzinfo=UTC)


def test_an_offset_is_kept_to() -> None:
    assert expiry("2027-01-01T01:00+02:00", NOW) == datetime(2026, 12, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0d", "2026-11-24", "2026-11-24T12:00", "2026-11-24T13:00+01:00"])
def test_what_is_not_in_the_future_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="future"):
        expiry(text, NOW)


@pytest.mark.parametrize("text", ["", "d", "-1d", "1.5d", "90", "90 days", "99999d ", "soon", "2027-02-30", "12:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither days"):
        expiry(text, NOW)


@given(names=st.lists(WORDS, min_size=1, max_size=4, unique=True), folders=st.lists(WORDS, max_size=3))
def test_files_become_objects_below_the_prefix_whatever_its_slashes(names: list[str], folders: list[str]) -> None:
    files = [Path("some/where") / name for name in names]
    expected = ["/".join(["team/project", *folders, name]) for name in names]
    for prefix in ("/".join(folders), "/".join(["", *folders, ""])):
        assert object_names(files, None, prefix, "team/project/") == expected


def test_a_name_takes_the_place_of_the_files() -> None:
    assert object_names([Path("a.txt")], "b/c.md", "x", "t/p/") == ["t/p/x/b/c.md"]


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/./b", "a\nb", "x" * 1021, "é" * 511])
def test_a_name_that_no_object_should_have_is_refused(name: str) -> None:
    with pytest.raises(click.UsageError, match="cannot name an object"):
        object_names([Path("a.txt")], name, "", "t/p/")


def test_the_longest_name_is_taken() -> None:
    assert object_names([Path("a.txt")], "x" * 1020, "", "t/p/") == ["t/p/" + "x" * 1020]


def test_files_that_would_take_each_others_place_are_refused() -> None:
    with pytest.raises(click.UsageError, match=r"Several files would become the object 'x/a\.txt'"):
        object_names([Path("1/a.txt"), Path("2/a.txt")], None, "x", "t/p/")
    with pytest.raises(click.UsageError, match="single file"):
        object_names([Path("a.txt"), Path("b.txt")], "c.txt", "", "t/p/")


@given(text=st.text())
def test_no_text_commands_the_terminal(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert all(char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cs"} for char in shown)
    assert all(after in {before, "\N{REPLACEMENT CHARACTER}"} for before, after in zip(text, shown, strict=True))


def test_a_table_never_breaks_its_first_column_and_cuts_no_text() -> None:
    console = Console(width=50, record=True, file=None, quiet=False)
    identity, title = "0" * 36, "A title that is much longer than what is left of it"
    with console.capture() as captured:
        console.print(table(("ID", "TITLE"), [(identity, title)]))
    lines = captured.get().splitlines()
    assert lines[1].startswith(identity)
    assert "".join(line[36:].strip() for line in lines[1:]).replace(" ", "") == title.replace(" ", "")
