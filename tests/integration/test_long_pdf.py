"""A PDF of as many pages as are taken, within the memory that one is promised to need."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.files.pdf_files import printed
from tests.integration import long_reading

PAGES, LINES, WORDS = 20_000, 28, 10
MEMORY = 600 * 1024 * 1024
SYLLABLES = ["ba", "de", "fo", "gi", "ku", "la", "me", "no", "pi", "ru", "sa", "te", "vo", "wi", "zu"]


def pages(count: int) -> Iterator[list[str]]:
    """Lines of words under a running head, each page's own number below them."""
    chosen = random.Random(20_000)
    words = ["".join(chosen.choices(SYLLABLES, k=chosen.randint(2, 4))) for _ in range(20_000)]
    for number in range(1, count + 1):
        lines = [" ".join(chosen.choices(words, k=WORDS)) for _ in range(LINES)]
        yield ["Log of the lamp", *lines, f"Page {number}"]


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells VmHWM")
def test_20_000_pages_are_read_and_split_within_600_mb(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(printed(pages(PAGES)))
    process = subprocess.run(
        [sys.executable, "-m", long_reading.__name__, str(path), str(MEMORY)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout)
    assert told["pages"] == PAGES
    assert told["characters"] > 30_000_000
    assert told["chunks"] > 40_000
    assert told["peak_bytes"] < MEMORY
