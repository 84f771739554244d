"""`./dev chaos`: runs of the pipeline in which everything goes wrong that a seed can think of."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from tests.chaos.bites import WITHIN, print_bites
from tests.chaos.run import Result, run
from tests.chaos.stack import Stack, migrated, running
from tests.chaos.weakened import WEAKNESSES, weakened

RUNS = 20


def main() -> int:
    arguments = _arguments()
    with _stack(arguments.profile) as stack:
        if arguments.bites:
            return print_bites(stack, arguments.seed, arguments.runs)
        return _print_runs(stack, arguments)


def _print_runs(stack: Stack, arguments: argparse.Namespace) -> int:
    started, results = time.monotonic(), list[Result]()
    for seed in range(arguments.seed, arguments.seed + arguments.runs):
        with weakened(arguments.weaken) if arguments.weaken else nullcontext():
            result = run(stack, seed)
        results.append(result)
        for violation in result.violations:
            again = f"./dev chaos --runs 1 --seed {seed} --profile {arguments.profile}"
            weak = f" --weaken {arguments.weaken}" if arguments.weaken else ""
            print(f"seed {seed}: {violation}\n    {again}{weak} --trace FILE", flush=True)
        if arguments.trace:
            arguments.trace.write_text("\n".join([*result.trace, ""]), encoding="utf-8")
        if sys.stderr.isatty():
            print(f"\r{len(results)} of {arguments.runs}", end="", file=sys.stderr)
    figures = {
        "runs": len(results),
        "faults": sum(result.faults for result in results),
        "deliveries": sum(result.deliveries for result in results),
        "invariants": sum(result.invariants for result in results),
        "violations": sum(len(result.violations) for result in results),
        "seed": arguments.seed,
        "profile": arguments.profile,
        "seconds": round(time.monotonic() - started),
    }
    print("chaos:", " ".join(f"{name}={figure}" for name, figure in figures.items()))
    return 1 if figures["violations"] else 0


@contextlib.contextmanager
def _stack(profile: str) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with migrated(directory / "postgres") as server, running(server, directory / "parts", profile=profile) as stack:
            yield stack


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument(
        "--runs", type=int, help=f"how many seeds, from --seed on: {RUNS}, or at most {WITHIN} for each row of --bites"
    )
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--profile", choices=("local", "gcp"), default="local", help="whose adapters")
    parser.add_argument("--trace", type=Path, help="where to write what happened in the last run, line by line")
    parser.add_argument("--weaken", choices=sorted(WEAKNESSES), help="without one of the protocol's guards")
    parser.add_argument("--bites", action="store_true", help="without each of them: a table of what finds it, and when")
    arguments: argparse.Namespace = parser.parse_args()
    arguments.runs = arguments.runs or (WITHIN if arguments.bites else RUNS)
    return arguments


if __name__ == "__main__":
    sys.exit(main())
