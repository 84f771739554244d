"""`./dev package`: the source archive that the functions are built from on Google Cloud.

The same tree makes the same bytes, whoever packs it, when and where: an archive's hash tells whether to deploy again.
So times, modes and order are fixed, and nothing is compressed, since compressors differ in their output.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_FILE = CHECKOUT / ".dev" / "package.zip"
# A requirements.txt would win over these two and must never be among them.
FILES = ("pyproject.toml", "uv.lock")
PACKAGES = ("common", "functions")
EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)
UNIX = 3


def archive(root: Path) -> bytes:
    """The archive of the checkout at `root`: what the functions need to be built and run, and nothing else."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(_names(root)):
            entry = zipfile.ZipInfo(name, EARLIEST_TIME)
            entry.create_system = UNIX
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            packed.writestr(entry, (root / name).read_bytes())
    return buffer.getvalue()


def _names(root: Path) -> Iterator[str]:
    yield from FILES
    for package in PACKAGES:
        for file in (root / package).rglob("*"):
            name = file.relative_to(root)
            if file.is_file() and not any(part.startswith((".", "__pycache__")) for part in name.parts):
                yield name.as_posix()


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev package", description="Make the functions' source archive.")
    parser.add_argument("file", nargs="?", type=Path, default=DEFAULT_FILE, help="where to write it (%(default)s)")
    file: Path = parser.parse_args().file.absolute()
    content = archive(CHECKOUT)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    print(json.dumps({"path": str(file), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}))


if __name__ == "__main__":
    main()
