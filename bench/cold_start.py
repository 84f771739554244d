"""`./dev bench cold-start`: what loading each function costs, beside the naive way and the bare framework.

Every measurement is a fresh process with warm bytecode that connects nowhere. The subjects take turns, round by round,
so that a busy moment of the machine hits all of them alike; medians are shown. Loading is what happens before a
function listens. A first push that is refused shows whether receiving needs more than that; the connector of Cloud SQL,
and for `intake` and `retire` the client of Pub/Sub, come with the first one that is worked on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.profiles import PROFILES, environment

CHECKOUT = Path(__file__).resolve().parent.parent
PUSHED = ("intake", "chunk", "embed", "record", "retire", "fetch", "dead_letter")
CALLED = ("reconcile", "api")
NAIVE, BARE = "naive", "bare"
SOURCES = {name: f"functions/{name}/main.py" for name in PUSHED + CALLED} | {
    NAIVE: "bench/naive_function.py",
    BARE: "bench/bare_function.py",
}
API_OF_NAIVE, LIGHT_OF_BARE, MOST_MEGABYTES = 0.6, 1.6, 150
LIGHT = ("intake", "retire", "dead_letter")


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians: of loading, and of CPU with the first push behind it (which only functions that take pushes have)."""

    cpu_ms: float
    wall_ms: float
    rss_mb: float
    cpu_ms_with_first_push: float
    rss_mb_with_first_push: float


@dataclass(frozen=True, slots=True)
class Aim:
    """What a function shall stay under, and what it was."""

    what: str
    limit: float
    measured: float

    @property
    def reached(self) -> bool:
        return self.measured < self.limit


def load_once(name: str, variables: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """The costs of one fresh process. Exits with the process's own last line if it cannot load."""
    push = ("push",) if name in PUSHED else ()
    process = subprocess.run(
        [sys.executable, "-P", "-m", "bench.loading", str(CHECKOUT / SOURCES[name]), *push],
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(CHECKOUT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        last = (process.stderr.strip() or "It said nothing.").splitlines()[-1]
        sys.exit(f"{name} cannot be loaded (status {process.returncode}). {last}")
    result: dict[str, dict[str, float]] = json.loads(process.stdout.splitlines()[-1])
    return result


def cost(runs: list[dict[str, dict[str, float]]]) -> Cost:
    """The medians of a subject's runs."""
    return Cost(
        **{key: median(run["load"][key] for run in runs) for key in ("cpu_ms", "wall_ms", "rss_mb")},
        cpu_ms_with_first_push=median(sum(step["cpu_ms"] for step in run.values()) for run in runs),
        rss_mb_with_first_push=median(max(step["rss_mb"] for step in run.values()) for run in runs),
    )


def measure(profile: str, rounds: int) -> dict[str, Cost]:
    """The cost of each subject. One round more goes before, for the bytecode."""
    with TemporaryDirectory() as folder:
        variables = environment(profile, Path(folder))
        for name in SOURCES:
            load_once(name, variables)
        runs = [{name: load_once(name, variables) for name in SOURCES} for _ in range(rounds)]
    return {name: cost([each[name] for each in runs]) for name in SOURCES}


def aims(costs: Mapping[str, Cost]) -> list[Aim]:
    """What was aimed at, of loading."""
    functions = {name: each for name, each in costs.items() if name not in {NAIVE, BARE}}
    heaviest = max(functions, key=lambda name: functions[name].rss_mb_with_first_push)
    return [
        Aim("api, CPU of the naive way", API_OF_NAIVE, costs["api"].cpu_ms / costs[NAIVE].cpu_ms),
        *(Aim(f"{name}, CPU of the bare framework", LIGHT_OF_BARE, costs[name].cpu_ms / costs[BARE].cpu_ms)
          for name in LIGHT),
        Aim(f"{heaviest}, the heaviest, MB", MOST_MEGABYTES, functions[heaviest].rss_mb_with_first_push),
    ]  # fmt: skip


def show(costs: Mapping[str, Cost], found: list[Aim], console: Console) -> None:
    table = Table("loading", "CPU ms", "wall ms", "MB", "/naive", "/bare", "+push ms", "MB", "/bare", box=None)
    for column in table.columns:
        column.no_wrap, column.justify = True, "right"
    for name, each in costs.items():
        later = each.cpu_ms_with_first_push
        table.add_row(
            name, f"{each.cpu_ms:.0f}", f"{each.wall_ms:.0f}", f"{each.rss_mb:.0f}",
            f"{each.cpu_ms / costs[NAIVE].cpu_ms:.2f}", f"{each.cpu_ms / costs[BARE].cpu_ms:.2f}",
            f"{later:.0f}", f"{each.rss_mb_with_first_push:.0f}", f"{later / costs[BARE].cpu_ms:.2f}",
        )  # fmt: skip
    console.print(table)
    console.print("/naive and /bare compare CPU; +push: loading and first push together.")
    for aim in found:
        sign = "reached" if aim.reached else "NOT reached"
        console.print(f"{sign}: {aim.what}: {aim.measured:.2f}, to stay under {aim.limit:g}")


def report(profile: str, rounds: int, costs: Mapping[str, Cost], found: list[Aim]) -> dict[str, Any]:
    return {
        "profile": profile,
        "rounds": rounds,
        "costs": {name: asdict(each) for name, each in costs.items()},
        "aims": [{**asdict(aim), "reached": aim.reached} for aim in found],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench cold-start", description=__doc__)
    parser.add_argument("--profile", choices=PROFILES, default="gcp", help="settings to load under")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the medians there")
    arguments = parser.parse_args()
    costs = measure(arguments.profile, arguments.rounds)
    found = aims(costs)
    show(costs, found, Console())
    if arguments.json is not None:
        written = report(arguments.profile, arguments.rounds, costs, found)
        arguments.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
