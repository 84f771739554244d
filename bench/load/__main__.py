"""`./dev load`: the whole stack under load, killed again and again; in the end nothing may be missing.

A thousand small documents and one of 2,000 pages are put into the bucket at once. Meanwhile every process of the stack
is killed ten times and the stack started again on the same data; what was cut short is uploaded again. Questions are
asked all the time: what was ready once has to answer, with its quote, whenever the stack is up. In the end every
document is ready, and rows, vectors and texts are the same chunks.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from pathlib import Path
from secrets import randbelow
from tempfile import mkdtemp

import msgspec

from bench.load.documents import most
from bench.load.run import LoadTest
from common.errors import AiInfraError

SHOWN_FAULTS = 20
SEEDS = 1_000_000


def main() -> None:
    arguments = _arguments()
    # Nothing of the stack may stay, whoever ends this.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    data = Path(mkdtemp(prefix="ai-infra-load-"))
    test = LoadTest(
        data=data,
        documents=arguments.documents,
        pages=arguments.pages,
        kills=arguments.kills,
        seed=arguments.seed,
        log=lambda line: print(line, file=sys.stderr, flush=True),
    )
    try:
        result = test.run()
    except AiInfraError as error:
        sys.exit(f"load: seed {test.seed}: {error.message}\nThe stack's data and logs are kept in {data}.")
    except KeyboardInterrupt:
        shutil.rmtree(data)
        sys.exit("load: interrupted")
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if result.faults:
        print("Wrong:", *result.faults[:SHOWN_FAULTS], sep="\n  ")
        print(f"The stack's data and logs are kept in {data}.")
    else:
        shutil.rmtree(data)
    print(*result.lines(), sep="\n")
    sys.exit(1 if result.faults else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1000, help="small documents (%(default)s)")
    parser.add_argument("--pages", type=int, default=2000, help="pages of the large document (%(default)s)")
    parser.add_argument("--kills", type=int, default=10, help="kills of the whole stack (%(default)s)")
    parser.add_argument("--seed", type=int, default=randbelow(SEEDS), help="of documents, questions and kills")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    arguments = parser.parse_args()
    if not (1 <= arguments.documents <= most() and 1 <= arguments.pages <= most() and arguments.kills >= 0):
        parser.error(f"documents and pages go from 1 to {most()}, kills from 0")
    return arguments


if __name__ == "__main__":
    main()
