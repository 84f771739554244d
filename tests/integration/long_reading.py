"""Reads and splits a file as `chunk` does, in a process of its own, and prints as JSON what that took.

`python -m tests.integration.long_reading PATH MEMORY_BYTES`: the child that reads has so much address space.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from common import split_store
from common.adapters.forked_extraction.extractor import ForkedExtractor
from common.extraction import ExtractionLimits
from common.model.chunks import Extraction, Split
from common.splitting import split
from common.token_estimate import EstimatingTokenizer


def peak_bytes() -> int:
    """VmHWM. What `getrusage` tells is also that of the process that started this one, before it became this one."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def main(path: str, memory_bytes: str) -> None:
    extractor = ForkedExtractor(memory_bytes=int(memory_bytes), seconds=600.0)
    extraction = extractor.read(Path(path), ExtractionLimits())
    assert isinstance(extraction, Extraction)
    chunks = split(extraction, title="Log", tokenizer=EstimatingTokenizer(2048), size=240, overlap=32)
    stored = split_store.encoded(Split(extraction=extraction, title="Log", sha256="0" * 64, chunks=chunks))
    pages, characters = len(extraction.page_starts), len(extraction.text)
    told = {
        "pages": pages,
        "characters": characters,
        "chunks": len(chunks),
        "stored": len(stored),
        "peak_bytes": peak_bytes(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
