"""The buckets of a run: the real store, with generations that are the run's own, and the upload bucket's notifications.

A generation of the emulator is the time of writing, which no seed repeats. It also deletes whatever generation it is
asked for; Cloud Storage does so only if that is the newest, and so does this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from common.adapters.google_storage import GoogleObjectStore
from common.model.documents import StoredObject
from common.notifications import ObjectEvent

UPLOADS, EXTRACTIONS = "uploads", "extractions"


class Bucket:
    """See `common.ports.ObjectStore`. `notified` hears of what happens to objects of the upload bucket."""

    def __init__(
        self, number: int, moment: Callable[[], datetime], notified: Callable[[ObjectEvent, StoredObject], None]
    ) -> None:
        self._real = GoogleObjectStore("chaos", anonymous=True)
        self._number, self._moment = number, moment
        self._notified = notified
        self.living: dict[str, StoredObject] = {}
        """What the upload bucket holds."""
        self.written: dict[tuple[str, int], bytes] = {}
        """Every generation that there was."""
        self._generations: dict[int, int] = {}

    def names(self) -> list[str]:
        """Every name that an object had, in order."""
        return sorted({name for name, _ in self.written})

    def real_name(self, bucket: str) -> str:
        return f"{bucket}-{self._number}"

    def upload(
        self, bucket: str, name: str, content: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> StoredObject:
        real = self._real.upload(self.real_name(bucket), name, content, content_type, metadata)
        former = self.living.get(name)
        generation = 1000 + len(self.written)
        stored = StoredObject(
            bucket, name, generation, len(content), content_type, dict(metadata), created_at=self._moment()
        )
        self.living[name] = stored
        self.written[name, generation] = content
        self._generations[generation] = real.generation
        events = [(ObjectEvent.FINALIZE, stored)] + ([(ObjectEvent.DELETE, former)] if former else [])
        for event, about in events:
            self._notified(event, about)
        return stored

    def upload_file(
        self, bucket: str, name: str, source: Path, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> StoredObject:
        return self.upload(bucket, name, source.read_bytes(), content_type, metadata or {})

    def open_upload(self, bucket: str, name: str, size: int, content_type: str, metadata: Mapping[str, str]) -> str:
        return self._real.open_upload(self.real_name(bucket), name, size, content_type, metadata)

    def delete(self, bucket: str, name: str, generation: int | None = None) -> None:
        if bucket != UPLOADS:
            self._real.delete(self.real_name(bucket), name, generation)
            return
        former = self.living.get(name)
        if former is None or generation not in {None, former.generation}:
            return
        self._real.delete(self.real_name(bucket), name)
        del self.living[name]
        self._notified(ObjectEvent.DELETE, former)

    def download(
        self, bucket: str, name: str, generation: int, destination: Path, max_bytes: int
    ) -> StoredObject | None:
        living = self.living.get(name)
        if living is None or living.generation != generation:
            return None
        real = self._generations[generation]
        found = self._real.download(self.real_name(bucket), name, real, destination, max_bytes)
        return found and replace(found, bucket=bucket, generation=generation)

    def read(self, bucket: str, name: str) -> bytes | None:
        return self._real.read(self.real_name(bucket), name)

    def create(self, bucket: str, name: str, content: bytes, content_type: str) -> bool:
        return self._real.create(self.real_name(bucket), name, content, content_type)

    def list_page(self, bucket: str, prefix: str, start_after: str, limit: int) -> Sequence[StoredObject]:
        page = self._real.list_page(self.real_name(bucket), prefix, start_after, limit)
        if bucket != UPLOADS:
            return [replace(stored, bucket=bucket) for stored in page]
        return [self.living[stored.name] for stored in page if stored.name in self.living]

    def find(self, bucket: str, name: str, generation: int | None = None) -> StoredObject | None:
        if bucket != UPLOADS:
            found = self._real.find(self.real_name(bucket), name, generation)
            return found and replace(found, bucket=bucket)
        living = self.living.get(name)
        if living is None or generation not in {None, living.generation}:
            return None
        return living if self._real.find(self.real_name(bucket), name) else None

    def close(self) -> None:
        """Let go of the connections to the store."""
        if "_client" in self._real.__dict__:
            self._real._client.close()
