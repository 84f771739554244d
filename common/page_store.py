"""The pages of a long document as they are read, some in each request: stored under its job, put together at the end.

A range is written once, under a name that says which pages it holds. Requests that overlap may write ranges that do:
every chain of ranges from the first page on is as good as any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from common.extraction.pages import PageRange, encoded
from common.ports import ObjectStore
from common.split_store import folder

_CONTENT_TYPE = "application/gzip"
_NAME = re.compile(r"(\d{7})-(\d{7})-of-(\d{7})\.msgpack\.gz")
_LISTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRange:
    """Pages from `start`, counted from 0, up to and without `end`, of `total`; and the object that holds them."""

    name: str
    start: int
    end: int
    total: int


def write_once(objects: ObjectStore, bucket: str, job_id: UUID, pages: PageRange) -> None:
    """Keep these pages, unless another run has kept the same ones."""
    name = f"{_folder(job_id)}{pages.start:07}-{pages.end:07}-of-{pages.total:07}.msgpack.gz"
    objects.create(bucket, name, encoded(pages), _CONTENT_TYPE)


def stored(objects: ObjectStore, bucket: str, job_id: UUID) -> Sequence[StoredRange]:
    """The ranges that follow each other from the first page on, as far as they go."""
    found: list[StoredRange] = []
    last = ""
    while page := objects.list_page(bucket, _folder(job_id), last, _LISTED):
        last = page[-1].name
        found += [each for entry in page if (each := _named(entry.name))]
    return chain(found)


def chain(found: Sequence[StoredRange]) -> Sequence[StoredRange]:
    """The longest ranges that follow each other from the first page on, out of some in any order."""
    longest: dict[int, StoredRange] = {}
    for each in sorted(found, key=lambda each: each.end):
        longest[each.start] = each
    chained: list[StoredRange] = []
    while following := longest.get(chained[-1].end if chained else 0):
        chained.append(following)
    return chained


def _folder(job_id: UUID) -> str:
    return f"{folder(job_id)}pages/"


def _named(name: str) -> StoredRange | None:
    match = _NAME.fullmatch(name.rpartition("/")[2])
    if match is None:
        return None
    start, end, total = map(int, match.groups())
    return StoredRange(name=name, start=start, end=end, total=total)
