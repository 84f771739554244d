"""Mistakes in infra/, each made on a copy: does anything find it?

`python -m tests.infra.mutants` makes them all and prints the table. A mistake is found by terraform, by the reader of
topology.yaml, or by one of the checks over the state of an apply to the stand-in.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from local.errors import StartError
from tests.infra.checks import CHECKS
from tests.infra.checks.deployment import Deployment, deployed, deployed_in
from tests.infra.mistakes import MISTAKES, PROFILE, Mistake
from tests.infra.terraform import TerraformError, workspace

# terraform works in processes of its own, two at a time.
WORKERS = 2


@dataclass(frozen=True)
class Finding:
    """A mistake, and what found it first; empty where nothing did."""

    mistake: Mistake
    by: str
    sentence: str


def found_mistakes(mistakes: Iterable[Mistake] = MISTAKES) -> Iterator[Finding]:
    """Make each mistake and tell what finds it. What is right, nothing must find anything in."""
    if faults := [sentence for check in CHECKS for sentence in check(deployed(PROFILE))]:
        raise AssertionError(f"the checks find faults in infra/ as it is: {faults}")
    with ThreadPoolExecutor(WORKERS) as workers:
        yield from workers.map(_found, mistakes)


def table(findings: Iterable[Finding]) -> str:
    """A line a mistake, as Markdown."""
    lines = ["| mistake | file | found by | as |", "|---|---|---|---|"]
    for each in findings:
        files = ", ".join(dict.fromkeys(edit.file for edit in each.mistake.edits))
        lines.append(f"| {each.mistake.name} | {files} | {each.by or 'NOTHING'} | {each.sentence[:110]} |")
    return "\n".join(lines)


def _found(mistake: Mistake) -> Finding:
    try:
        with workspace(edits=mistake.edits) as folder:
            folder.init()
            deployment = deployed_in(folder, PROFILE)
    except StartError as error:
        return Finding(mistake, "read_topology", error.message.partition(": ")[2])
    except TerraformError as error:
        return Finding(mistake, "terraform", _refusal(str(error)))
    return _found_by_checks(mistake, deployment)


def _found_by_checks(mistake: Mistake, deployment: Deployment) -> Finding:
    for check in CHECKS:
        for sentence in check(deployment):
            return Finding(mistake, check.__name__, sentence)
    return Finding(mistake, "", "")


def _refusal(output: str) -> str:
    """Terraform's first error; an edit that does not fit the files is no finding."""
    if "Error: " not in output:
        raise AssertionError(output)
    return output.partition("Error: ")[2].partition("\n")[0]


def main() -> int:
    """0 where every mistake is found."""
    findings = list(found_mistakes())
    print(table(findings))
    return 0 if all(each.by for each in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
