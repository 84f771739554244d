"""`./dev bench fidelity`: words of known documents that each reader loses, doubles or misplaces.

Documents of every format are written of words that occur once. A word is lost if the reader's text has it nowhere,
doubled each time that it comes again, misplaced if the others' order goes on without it. Notes and text boxes may stand
anywhere; a running line may come once. A reader that refuses a format loses all of it. "libraries" are python-docx,
python-pptx and openpyxl, asked for all the text that they give.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bench.fidelity.formats import FORMATS
from bench.fidelity.measure import Fidelity, measured
from bench.fidelity.readers import OF_OFFICE, OFFICE_LIBRARIES, Reader, readers

_NOTHING = Fidelity(0, 0, 0, 0)


def total(several: list[Fidelity]) -> Fidelity:
    return Fidelity(*map(sum, zip(*map(astuple, several), strict=True)))


def compare(folder: Path, documents: int, pages: int) -> dict[str, dict[str, Fidelity]]:
    """By format and reader."""
    found: dict[str, dict[str, Fidelity]] = {}
    for name, reader in readers().items():
        for format_name, form in FORMATS.items():
            if name == OFFICE_LIBRARIES and form.suffix not in OF_OFFICE:
                continue
            each = found.setdefault(format_name, {})
            each[name] = _NOTHING
            for seed in range(documents):
                content, written = form.document(seed, pages)
                path = folder / f"{seed}{form.suffix}"
                path.write_bytes(written)
                each[name] = total([each[name], measured(content, _text(reader, path))])
    return found


def _text(reader: Reader, path: Path) -> str:
    try:
        return reader(path)
    except Exception as error:
        logging.getLogger(__name__).warning("%s: %s", path.suffix, type(error).__name__)
        return ""


def show(found: dict[str, dict[str, Fidelity]], console: Console) -> None:
    names = [*next(iter(found.values()))]
    table = Table("format", "words", *names, box=None)
    rows = [*found.items(), ("all", {name: total([of[name] for of in found.values() if name in of]) for name in names})]
    for form, each in rows:
        cells = (f"{one.lost} / {one.doubled} / {one.misplaced}" for one in each.values())
        table.add_row(form, str(each[names[0]].words), *cells)
    console.print(table)
    console.print("Words lost / doubled / misplaced.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench fidelity", description=__doc__)
    parser.add_argument("--documents", type=int, default=5, help="of each format (%(default)s)")
    parser.add_argument("--pages", type=int, default=4, help="of each document (%(default)s)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as folder:
        show(compare(Path(folder), arguments.documents, arguments.pages), Console())


if __name__ == "__main__":
    main()
