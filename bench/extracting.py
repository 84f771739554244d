"""Reads and splits files in this fresh process, and prints what each cost as JSON.

`python -m bench.extracting SUBJECT`, with the files' paths on the standard input, a line each. One small file of each
type goes before, unmeasured: what a library loads or compiles at its first file is no part of what a document costs.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

CHUNK_TOKENS, OVERLAP_TOKENS = 240, 32
"""Ours by default."""
CHUNK_CHARACTERS, OVERLAP_CHARACTERS = 1000, 130
"""Those of the others: what ours come to."""

type Subject = Callable[[Path], int]
"""Reads and splits a file; the number of chunks."""


def ours() -> Subject:
    from common.extraction import ExtractionLimits, extract  # noqa: PLC0415 - each subject loads what is its own
    from common.splitting import split  # noqa: PLC0415
    from common.token_estimate import EstimatingTokenizer  # noqa: PLC0415

    limits, tokenizer = ExtractionLimits(), EstimatingTokenizer(2048)

    def read(path: Path) -> int:
        extraction = extract(path, limits=limits)
        return len(split(extraction, title=path.stem, tokenizer=tokenizer, size=CHUNK_TOKENS, overlap=OVERLAP_TOKENS))

    return read


def langchain() -> Subject:
    """Its own loaders, for the types that it has one for; read as Latin-1, which refuses nothing."""
    loaders: Any = import_module("langchain_community.document_loaders")
    splitters: Any = import_module("langchain_text_splitters")
    splitter = splitters.RecursiveCharacterTextSplitter(chunk_size=CHUNK_CHARACTERS, chunk_overlap=OVERLAP_CHARACTERS)
    by_suffix: dict[str, Callable[[str], Any]] = {
        ".pdf": loaders.PyPDFium2Loader,
        ".html": partial(loaders.BSHTMLLoader, open_encoding="latin-1"),
        ".csv": partial(loaders.CSVLoader, encoding="latin-1"),
        ".txt": partial(loaders.TextLoader, encoding="latin-1"),
        ".md": partial(loaders.TextLoader, encoding="latin-1"),
    }

    def read(path: Path) -> int:
        documents = by_suffix[path.suffix](str(path)).load()
        return len(splitter.split_documents(documents))

    return read


def kreuzberg() -> Subject:
    module: Any = import_module("kreuzberg")
    config = module.ExtractionConfig(
        use_cache=False,
        chunking=module.ChunkingConfig(max_chars=CHUNK_CHARACTERS, max_overlap=OVERLAP_CHARACTERS),
        pages=module.PageConfig(extract_pages=True),
    )

    def read(path: Path) -> int:
        return len(module.extract_file_sync(str(path), config=config).chunks)

    return read


def pdfium() -> Subject:
    """The bare loop over a PDF's pages: no chunks."""
    import pypdfium2  # noqa: PLC0415

    def read(path: Path) -> int:
        document = pypdfium2.PdfDocument(path)
        for page in document:
            textpage = page.get_textpage()
            textpage.get_text_range()
            textpage.close()
            page.close()
        document.close()
        return 0

    return read


SUBJECTS = {"ours": ours, "LangChain": langchain, "Kreuzberg": kreuzberg, "pdfium": pdfium}


def measured(read: Subject, path: Path) -> tuple[float, int] | None:
    """CPU seconds and chunks; None for a file that is refused."""
    begun = time.process_time()
    try:
        chunks = read(path)
    except Exception:
        return None
    return time.process_time() - begun, chunks


def main(name: str) -> None:
    warnings.simplefilter("ignore")
    read = SUBJECTS[name]()
    paths = [Path(line) for line in sys.stdin.read().splitlines()]
    for path in {path.suffix: path for path in sorted(paths, key=lambda path: -path.stat().st_size)}.values():
        measured(read, path)
    print(json.dumps([measured(read, path) for path in paths]))


if __name__ == "__main__":
    main(*sys.argv[1:])
