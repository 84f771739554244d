"""A job's extraction and boundaries as one stored object: written once, read by whoever comes later."""

from __future__ import annotations

import gzip
from uuid import UUID

import msgspec

from common.model.chunks import Split
from common.ports import ObjectStore

_CONTENT_TYPE = "application/gzip"


def object_name(job_id: UUID) -> str:
    """Where a job's split is kept in the extraction bucket."""
    return f"jobs/{job_id}/split.json.gz"


def read(objects: ObjectStore, bucket: str, job_id: UUID) -> Split | None:
    """The job's split; None if there is none."""
    content = objects.read(bucket, object_name(job_id))
    return None if content is None else msgspec.json.decode(gzip.decompress(content), type=Split)


def write_once(objects: ObjectStore, bucket: str, job_id: UUID, split: Split) -> Split:
    """Keep this split, unless another run was first: then theirs is the job's. Returns the one that is kept."""
    content = gzip.compress(msgspec.json.encode(split), compresslevel=4, mtime=0)
    if objects.create(bucket, object_name(job_id), content, _CONTENT_TYPE):
        return split
    kept = read(objects, bucket, job_id)
    if kept is None:
        raise LookupError(f"{object_name(job_id)} was there and is gone.")
    return kept


def is_there(objects: ObjectStore, bucket: str, job_id: UUID) -> bool:
    """True if a split of the job is kept."""
    return bool(objects.list_page(bucket, object_name(job_id), "", 1))


def delete(objects: ObjectStore, bucket: str, job_id: UUID) -> None:
    """Remove the job's split; already gone is done."""
    objects.delete(bucket, object_name(job_id))
