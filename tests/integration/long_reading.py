"""Reads and splits a file as `chunk` does, in a process of its own, and prints as JSON what that took.

`python -m tests.integration.long_reading PATH MEMORY_BYTES`: the child that reads has so much address space.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from common import split_store
from common.adapters.forked_extraction.ends import MAXRSS_BYTES
from common.adapters.forked_extraction.extractor import ForkedExtractor
from common.extraction import ExtractionLimits
from common.model.chunks import Extraction, Split
from common.splitting import split
from common.token_estimate import EstimatingTokenizer


def main(path: str, memory_bytes: str) -> None:
    extractor = ForkedExtractor(memory_bytes=int(memory_bytes), seconds=600.0)
    extraction = extractor.read(Path(path), ExtractionLimits())
    assert isinstance(extraction, Extraction)
    chunks = split(extraction, title="Log", tokenizer=EstimatingTokenizer(2048), size=240, overlap=32)
    stored = split_store.encoded(Split(extraction=extraction, title="Log", sha256="0" * 64, chunks=chunks))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES
    pages, characters = len(extraction.page_starts), len(extraction.text)
    told = {"pages": pages, "characters": characters, "chunks": len(chunks), "stored": len(stored), "peak_bytes": peak}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
