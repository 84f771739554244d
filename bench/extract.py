"""`./dev bench extract`: CPU of reading and splitting files, beside LangChain, Kreuzberg and a bare loop over pdfium.

Every measurement is a fresh process that reads the same files; the subjects take turns, round by round, so that a busy
moment of the machine hits all of them alike. Of each file the least of all rounds counts. The files are those of
`examples` and known content, written by the run in each format; `--folder` takes others in their place. LangChain reads
those that it has loaders of its own for: PDF (pypdfium2), HTML, Markdown, text, CSV.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from reportlab.lib.pagesizes import A4
from reportlab.platypus import Paragraph, SimpleDocTemplate
from rich.console import Console
from rich.table import Table

from bench.fidelity.formats import FORMATS
from bench.fidelity.printed import PROSE

CHECKOUT = Path(__file__).resolve().parent.parent
EXAMPLES = CHECKOUT / "examples" / "documents"
OURS, LANGCHAIN, KREUZBERG, PDFIUM = "ours", "LangChain", "Kreuzberg", "pdfium"
PDF = (".pdf",)
OF_LANGCHAIN = (*PDF, ".html", ".md", ".txt", ".csv")
OF_ALL = (*OF_LANGCHAIN, ".docx", ".pptx", ".xlsx", ".eml", ".rtf", ".epub", ".json", ".xml")
READS = {OURS: OF_ALL, LANGCHAIN: OF_LANGCHAIN, KREUZBERG: OF_ALL, PDFIUM: PDF}
MOST_OF_BETTER, MOST_OF_PDFIUM = 1 / 2.5, 1.15
GENERATED_PAGES = 40


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds of all files of a suffix, and the chunks that they became."""

    cpu_ms: float
    chunks: int


@dataclass(frozen=True, slots=True)
class Aim:
    """What our CPU shall stay at or under, as a share of something else's, and what it was."""

    what: str
    limit: float
    measured: float

    @property
    def reached(self) -> bool:
        return self.measured <= self.limit


def generated(folder: Path) -> list[Path]:
    """The examples, one of them printed as a PDF, and known content in each format."""
    prose = (EXAMPLES / "us-constitution.txt").read_text(encoding="utf-8").split("\n\n")
    printed = folder / "us-constitution.pdf"
    SimpleDocTemplate(str(printed), pagesize=A4, invariant=1).build([Paragraph(each, PROSE) for each in prose])
    paths = [*sorted(EXAMPLES.iterdir()), printed]
    for form in FORMATS.values():
        if " " not in form.name:  # the encodings that one of them cannot read are the other benchmark's matter
            path = folder / f"known{form.suffix}"
            path.write_bytes(form.document(0, GENERATED_PAGES)[1])
            paths.append(path)
    return paths


def run(subject: str, paths: Sequence[Path]) -> dict[Path, Cost]:
    """What each file that is not refused cost one fresh process. Exits with the process's own last line if it fails."""
    process = subprocess.run(
        [sys.executable, "-P", "-m", "bench.extracting", subject],
        input="\n".join(map(str, paths)),
        env={"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        last = (process.stderr.strip() or "It said nothing.").splitlines()[-1]
        sys.exit(f"{subject} cannot read the files (status {process.returncode}). {last}")
    costs = zip(paths, json.loads(process.stdout.splitlines()[-1]), strict=True)
    return {path: Cost(1000 * each[0], each[1]) for path, each in costs if each}


def measure(paths: Sequence[Path], rounds: int) -> dict[str, dict[str, Cost]]:
    """By suffix and subject, of the files that none refuses whose type it reads."""
    read = {name: [path for path in paths if path.suffix in suffixes] for name, suffixes in READS.items()}
    runs = [{name: run(name, read[name]) for name in READS} for _ in range(rounds)]
    refused = {path for name, files in read.items() for path in files if path not in runs[0][name]}
    found: dict[str, dict[str, Cost]] = {}
    for name, files in read.items():
        for path in (path for path in files if path not in refused):
            each = min((one[name][path] for one in runs), key=lambda cost: cost.cpu_ms)
            of_suffix = found.setdefault(path.suffix, {})
            former = of_suffix.get(name, Cost(0, 0))
            of_suffix[name] = Cost(former.cpu_ms + each.cpu_ms, former.chunks + each.chunks)
    return found


def total(found: dict[str, dict[str, Cost]], name: str, suffixes: Sequence[str]) -> float:
    """CPU milliseconds of a subject for all files of these suffixes."""
    return sum(each[name].cpu_ms for suffix, each in found.items() if suffix in suffixes)


def aims(found: dict[str, dict[str, Cost]]) -> list[Aim]:
    """What was aimed at, of the files that all of the others read."""
    what = []
    if any(suffix in OF_LANGCHAIN for suffix in found):
        better = min((LANGCHAIN, KREUZBERG), key=lambda name: total(found, name, OF_LANGCHAIN))
        all_types = total(found, OURS, OF_LANGCHAIN) / total(found, better, OF_LANGCHAIN)
        what.append(Aim(f"all of LangChain's types, CPU of {better}", MOST_OF_BETTER, all_types))
    if PDF[0] in found:
        pdf = total(found, OURS, PDF) / total(found, PDFIUM, PDF)
        what.append(Aim("PDF, CPU of the bare loop over pdfium", MOST_OF_PDFIUM, pdf))
    return what


def show(found: dict[str, dict[str, Cost]], what: list[Aim], console: Console) -> None:
    table = Table("CPU ms", *READS, *(f"ours / {name}" for name in READS if name != OURS), "chunks", box=None)
    for column in table.columns:
        column.no_wrap, column.justify = True, "right"
    for suffix, each in sorted(found.items()):
        costs = (f"{each[name].cpu_ms:.1f}" if name in each else "" for name in READS)
        others = (name for name in READS if name != OURS)
        ratios = (f"{each[OURS].cpu_ms / each[name].cpu_ms:.2f}" if name in each else "" for name in others)
        table.add_row(suffix, *costs, *ratios, str(each[OURS].chunks))
    console.print(table)
    for aim in what:
        sign = "reached" if aim.reached else "NOT reached"
        console.print(f"{sign}: {aim.what}: {aim.measured:.2f}, to stay at most {aim.limit:g}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench extract", description=__doc__)
    parser.add_argument("--folder", type=Path, help="files to read in place of the run's own")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the costs there")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        if arguments.folder is None:
            paths = generated(Path(folder))
        else:
            paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix in OF_ALL and path.is_file())
        if not paths:
            sys.exit(f"There is no file in {arguments.folder} of the types {', '.join(OF_ALL)}.")
        found = measure(paths, arguments.rounds)
    what = aims(found)
    show(found, what, Console(width=None if sys.stdout.isatty() else 140))
    if arguments.json is not None:
        costs = {suffix: {name: asdict(cost) for name, cost in each.items()} for suffix, each in found.items()}
        written = {"costs": costs, "aims": [{**asdict(aim), "reached": aim.reached} for aim in what]}
        arguments.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
