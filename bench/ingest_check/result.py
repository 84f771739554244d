"""What became of each file, as it is shown and written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

READY, FAILED = "ready", "failed"
UNREADABLE = "UNREADABLE"
INTERNAL = "INTERNAL"

_NAME_WIDTH = 60
_HEAD, _TAIL = 24, 35
_COLUMNS = f"{{:<{_NAME_WIDTH}}}  {{:<14}} {{:<8}} {{:<24}} {{:>6}} {{:>6}} {{:>8}} {{:>8}}"
_SUBTYPE = re.compile(r"[^/.]+\Z")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A file, by its `printable` name, and what it ended as: `ready`, `failed`, or where it has stood still.

    `seconds` run from when it was put into the bucket; `healthy` says what the document beside it ended as.
    """

    file: str
    type: str = ""
    outcome: str
    reason: str = ""
    message: str = ""
    pages: int = 0
    chunks: int = 0
    warnings: tuple[str, ...] = ()
    attempts: int = 0
    seconds: float = 0.0
    healthy: str = ""

    @property
    def as_promised(self) -> bool:
        """Whether it ended in one of the ways that a file may end in."""
        return self.outcome == READY or (self.outcome == FAILED and self.reason not in ("", INTERNAL))

    @property
    def faulty(self) -> bool:
        """Whether the file, or the healthy document beside it, ended as nothing may end."""
        return not self.as_promised or self.healthy not in ("", READY)

    def line(self) -> str:
        """The row of the table."""
        found = _SUBTYPE.search(self.type)
        return _COLUMNS.format(
            _shortened(self.file),
            found[0] if found else "-",
            self.outcome,
            self.reason or "-",
            self.pages or "-",
            self.chunks or "-",
            len(self.warnings) or "-",
            f"{self.seconds:.1f}",
        ) + (f"  HEALTHY {self.healthy}" if self.healthy not in ("", READY) else "")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A run's rows and sums. `died` names each process of a function that ended unasked.

    `left` are the files that have no row, since the run was told to stop before they had ended.
    """

    files: int
    ready: int
    failed: dict[str, int]
    """Files by their reason."""
    unfinished: int
    healthy: int
    healthy_ready: int
    died: tuple[str, ...]
    seconds: float
    embedder: str = ""
    left: int = 0
    rows: tuple[Row, ...]

    @classmethod
    def of(
        cls, rows: Sequence[Row], died: Sequence[str], seconds: float, *, embedder: str = "", left: int = 0
    ) -> Result:
        reasons = Counter(row.reason for row in rows if row.outcome == FAILED)
        ready = sum(row.outcome == READY for row in rows)
        return cls(
            files=len(rows),
            ready=ready,
            failed=dict(reasons.most_common()),
            unfinished=len(rows) - ready - reasons.total(),
            healthy=sum(row.healthy != "" for row in rows),
            healthy_ready=sum(row.healthy == READY for row in rows),
            died=tuple(died),
            seconds=round(seconds, 1),
            embedder=embedder,
            left=left,
            rows=tuple(rows),
        )

    @property
    def faulty(self) -> bool:
        return bool(self.died) or any(row.faulty for row in self.rows)

    def lines(self) -> Iterator[str]:
        """What is wrong, if anything, and one line that sums up."""
        yield from (f"wrong: {row.file}: {_fault(row)}" for row in self.rows if row.faulty)
        yield from (f"wrong: the process of {name} died" for name in self.died)
        reasons = " ".join(f"{reason}={count}" for reason, count in self.failed.items())
        yield (
            f"ingest-check: files={self.files} ready={self.ready} failed={sum(self.failed.values())}"
            f" ({reasons or 'none'}) unfinished={self.unfinished} healthy={self.healthy_ready}/{self.healthy}"
            f" died={len(self.died)} seconds={self.seconds:.0f} embedder={self.embedder}"
            + (f" interrupted left={self.left}" if self.left else "")
        )


def heading() -> str:
    """The table's first line."""
    return _COLUMNS.format("file", "type", "outcome", "reason", "pages", "chunks", "warnings", "seconds")


def printable(name: str) -> str:
    """The name on one line: what is no UTF-8, cannot be shown or turns the line around is written as an escape."""
    return "".join(each if each.isprintable() else _escaped(each) for each in name)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte, as Python carries it in names
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_WIDTH else f"{name[:_HEAD]}…{name[-_TAIL:]}"


def _fault(row: Row) -> str:
    if row.as_promised:
        return f"the healthy document beside it is {row.healthy}"
    return f"{row.outcome} {row.reason} {row.message}".strip()
