"""`./dev up` and `./dev demo`: the one-machine stack from a terminal."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

import click
import msgspec
from rich.console import Console

from common.config import Profile
from common.errors import AiInfraError
from local.demo import Demo
from local.demo_display import Display
from local.stack import CHECKOUT, Stack, StackOptions

DATA = CHECKOUT / ".local"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StoppedBySignal(BaseException):
    """Somebody wants the stack to end."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    """The first signal stops the stack in order; those that follow do not disturb that."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise StoppedBySignal


def _setting(_context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    split = [pair.partition("=") for pair in pairs]
    if wrong := [pair for pair, (_, sign, _) in zip(pairs, split, strict=True) if not sign]:
        raise click.BadParameter(f"{wrong[0]!r} is not of the form NAME=VALUE")
    return {name: value for name, _, value in split}


_profile = click.option(
    "--profile",
    type=click.Choice(Profile, case_sensitive=False),
    default=Profile.LOCAL,
    help="`gcp`: the adapters of Google Cloud, against stand-ins on this machine.",
)


@click.group()
def commands() -> None:
    """Run the whole system on this machine."""


@commands.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA, help="Folder that keeps everything.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the API; 0 takes a free one.")
@click.option("--drop", type=click.Path(path_type=Path), help="Folder to drop files into; else one in the data folder.")
@_profile
@click.option("--duplicate", type=click.IntRange(1, 100), default=1, help="Deliver every message so many times.")
@click.option("--set", "settings", multiple=True, callback=_setting, help="A setting of common/config.py: NAME=VALUE.")
@click.option("--quiet", is_flag=True, help="Show no log lines; they are in the data folder's logs.")
def up(
    *, data: Path, port: int, drop: Path | None, profile: Profile, duplicate: int, settings: dict[str, str], quiet: bool
) -> None:
    """Start the system, print one line of JSON when it is ready, and run until Ctrl-C."""
    options = StackOptions(
        data=data,
        port=port,
        drop=drop,
        profile=profile,
        duplicate=duplicate,
        settings=settings,
        log=_ignore if quiet else _to_terminal,
    )
    with Stack(options) as stack:
        print(msgspec.json.encode(stack.describe()).decode(), flush=True)
        stack.wait()


@commands.command()
@click.option("--json", "report", type=click.Path(path_type=Path), help="Write documents, questions and answers there.")
@_profile
@click.option("--verbose", is_flag=True, help="Show the parts' log lines.")
def demo(*, report: Path | None, profile: Profile, verbose: bool) -> None:
    """Put the example documents in, ask the example questions, check every answer."""
    display = Display(Console())
    log = _to_terminal if verbose else _ignore
    result, problems = Demo(examples=CHECKOUT / "examples", display=display, profile=profile, log=log).run()
    if report is not None:
        report.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if problems:
        sys.exit("Not as it should be:\n" + "\n".join(f"  {line}" for line in problems))
    display.say(f"\nAll {len(result.documents)} documents ready, all {len(result.questions)} answers as expected.")


def _to_terminal(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _ignore(_line: str) -> None:
    """For runs whose log lines nobody wants to see."""


def main() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        commands(prog_name="./dev", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except AiInfraError as error:
        sys.exit(f"{error.message}")
    except StoppedBySignal:
        sys.exit(0)


if __name__ == "__main__":
    main()
