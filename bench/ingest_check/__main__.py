"""`./dev ingest-check FOLDER`: ingest each file of a folder by a stack of its own, and tell what became of it.

Beside each file a healthy document is put in. A file may end `ready`, or `failed` with a reason other than INTERNAL;
every healthy document has to be ready, and no function's process may die. Anything else makes the command exit 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from bench.ingest_check.check import IngestCheck
from bench.ingest_check.files import find
from bench.ingest_check.result import Result, Row, heading
from common.config import CHECK_EMBEDDING_MODEL
from common.errors import AiInfraError
from local.stack import Stack, StackOptions

AT_ONCE = 32
# Two documents that take minutes to fail are not to hold up all others.
LEAST_READERS = 4
SCHEDULE_SECONDS = 15.0


def main() -> None:
    arguments = _arguments()
    # Nothing of the stack may stay, whoever ends this.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal may know fewer characters than names have
        sys.stdout.reconfigure(errors="backslashreplace")
    data = Path(mkdtemp(prefix="ai-infra-ingest-check-"))
    try:
        result = _checked(arguments, data)
    except AiInfraError as error:
        sys.exit(f"ingest-check: {error.message}\nThe stack's data and logs are kept in {data}.")
    except KeyboardInterrupt:
        shutil.rmtree(data)
        sys.exit("ingest-check: interrupted")
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if result.faulty:
        print(f"The stack's data and logs are kept in {data}.")
    else:
        shutil.rmtree(data)
    print(*result.lines(), sep="\n")
    sys.exit(1 if result.faulty else 0)


def _checked(arguments: argparse.Namespace, data: Path) -> Result:
    processors = os.process_cpu_count() or 1
    options = StackOptions(
        data=data,
        concurrency={"chunk": max(LEAST_READERS, processors), "embed": max(2, processors)},
        settings=({} if arguments.model else {"embedding_model": CHECK_EMBEDDING_MODEL}) | dict(arguments.settings),
        schedule_seconds=SCHEDULE_SECONDS,
        durable=False,
    )
    with Stack(options) as stack:
        print(heading(), flush=True)
        return IngestCheck(stack=stack, at_once=arguments.at_once, show=_show).run(find(arguments.folder))


def _show(row: Row) -> None:
    print(row.line(), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev ingest-check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with all that is below it; links are not followed")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="files on their way together (%(default)s)")
    parser.add_argument("--model", action="store_true", help="embed with the model, by which questions are answered")
    parser.add_argument("--set", dest="settings", action="append", default=[], type=_setting, metavar="NAME=VALUE",
                        help="a setting of common/config.py")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write rows and sums there")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder} is no folder")
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        parser.error(f"there is no folder for {arguments.json}")
    if arguments.at_once < 1:
        parser.error("at least one file has to be on its way")
    return arguments


def _setting(pair: str) -> tuple[str, str]:
    name, sign, value = pair.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{pair!r} is not of the form NAME=VALUE")
    return name, value


if __name__ == "__main__":
    main()
