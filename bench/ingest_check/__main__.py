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
from threading import Event

import msgspec

from bench.ingest_check.check import IngestCheck
from bench.ingest_check.files import find
from bench.ingest_check.result import Result, Row, heading
from common.config import CHECK_EMBEDDING_MODEL, LOCAL_EMBEDDING_MODEL
from common.errors import AiInfraError
from local.stack import Stack, StackOptions

AT_ONCE = 32
# Documents that take minutes to fail are not to hold up all others; each reader may take this much memory.
LEAST_READERS, MOST_READERS, READER_BYTES = 4, 8, 2 << 30
# A scan of many pages gives its reader to others that wait, after each so many seconds.
STEP_SECONDS = 20
# The storage emulator reads each object's file for each page of a list: a look through the bucket is not cheap.
SCHEDULE_SECONDS = 60.0
INTERRUPTED = 130


def main() -> None:
    arguments = _arguments()
    # Nothing of the stack may stay, whoever ends this.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal may know fewer characters than names have
        sys.stdout.reconfigure(errors="backslashreplace")
    data = Path(mkdtemp(prefix="ai-infra-ingest-check-"))
    try:
        options = _options(arguments, data)
        with Stack(options) as stack:
            result = _checked(arguments, stack, options.settings.get("embedding_model", LOCAL_EMBEDDING_MODEL))
            # Before the stack is stopped: who interrupts may not wait for that.
            _tell(result, arguments.json, data)
    except AiInfraError as error:
        sys.exit(f"ingest-check: {error.message}\nThe stack's data and logs are kept in {data}.")
    except KeyboardInterrupt:
        shutil.rmtree(data)
        sys.exit("ingest-check: interrupted before the first file")
    if not result.faulty:
        shutil.rmtree(data)
    sys.exit(1 if result.faulty else INTERRUPTED if result.left else 0)


def _options(arguments: argparse.Namespace, data: Path) -> StackOptions:
    processors = os.process_cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    readers = max(LEAST_READERS, processors, min(MOST_READERS, memory // READER_BYTES))
    embedder = {} if arguments.model else {"embedding_model": CHECK_EMBEDDING_MODEL}
    return StackOptions(
        data=data,
        concurrency={"chunk": readers, "embed": max(2, processors)},
        settings={"extraction_step_seconds": f"{STEP_SECONDS}"} | embedder | dict(arguments.settings),
        schedule_seconds=SCHEDULE_SECONDS,
        durable=False,
    )


def _checked(arguments: argparse.Namespace, stack: Stack, embedder: str) -> Result:
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    print(heading(), flush=True)
    check = IngestCheck(stack=stack, at_once=arguments.at_once, show=_show, embedder=embedder, stop=stop)
    return check.run(find(arguments.folder))


def _show(row: Row) -> None:
    print(row.line(), flush=True)


def _tell(result: Result, report: Path | None, data: Path) -> None:
    if report is not None:
        report.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if result.faulty:
        print(f"The stack's data and logs are kept in {data}.")
    print(*result.lines(), sep="\n", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev ingest-check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with all that is below it; links are not followed")
    parser.add_argument(
        "--at-once", type=int, default=AT_ONCE, help="files on their way together, slow ones not counted (%(default)s)"
    )
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
