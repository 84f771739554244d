"""A job's extraction and boundaries as one stored object: written once, read by whoever comes later.

All that is kept of a job's extraction is in one folder; so are the pages of a long document, see `common.page_store`.
"""

from __future__ import annotations

import gzip
from uuid import UUID

import msgspec

from common.model.chunks import Split
from common.ports import ObjectStore

_CONTENT_TYPE = "application/gzip"
_DELETED_AT_ONCE = 1000


def folder(job_id: UUID) -> str:
    """Where all that is kept of a job's extraction is, in the extraction bucket."""
    return f"jobs/{job_id}/"


def object_name(job_id: UUID) -> str:
    """Where a job's split is kept in the extraction bucket."""
    return f"{folder(job_id)}split.json.gz"


def read(objects: ObjectStore, bucket: str, job_id: UUID) -> Split | None:
    """The job's split; None if there is none."""
    content = objects.read(bucket, object_name(job_id))
    return None if content is None else msgspec.json.decode(gzip.decompress(content), type=Split)


def write_once(objects: ObjectStore, bucket: str, job_id: UUID, split: Split) -> Split:
    """Keep this split, unless another run was first: then theirs is the job's. Returns the one that is kept."""
    if objects.create(bucket, object_name(job_id), encoded(split), _CONTENT_TYPE):
        return split
    kept = read(objects, bucket, job_id)
    if kept is None:
        raise LookupError(f"{object_name(job_id)} was there and is gone.")
    return kept


def encoded(split: Split) -> bytes:
    """The split as it is stored."""
    return gzip.compress(msgspec.json.encode(split), compresslevel=4, mtime=0)


def is_there(objects: ObjectStore, bucket: str, job_id: UUID) -> bool:
    """True if anything of the job's extraction is kept."""
    return bool(objects.list_page(bucket, folder(job_id), "", 1))


def delete(objects: ObjectStore, bucket: str, job_id: UUID) -> None:
    """Remove all that is kept of the job's extraction; already gone is done."""
    while found := objects.list_page(bucket, folder(job_id), "", _DELETED_AT_ONCE):
        for stored in found:
            objects.delete(bucket, stored.name)
