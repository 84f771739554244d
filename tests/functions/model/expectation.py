"""What has to be live, told by a model in memory that knows bucket, commands and deliveries, and no table."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Record:
    """What a project knows of an object: the newest generation it has seen, and up to which it is deleted."""

    seen: int = 0
    deleted: int = 0

    @property
    def living(self) -> bool:
        return self.seen > self.deleted

    def may_answer(self, generation: int) -> bool:
        """True for the newest generation, and for those before it, which may answer until that is live."""
        return self.deleted < generation <= self.seen


@dataclass
class Expectation:
    """Objects by name and generation, and the records of each project that ever bore the name; `project` is alive."""

    objects: dict[str, int] = field(default_factory=dict)
    contents: dict[tuple[str, int], str] = field(default_factory=dict)
    records: dict[tuple[int, str], Record] = field(default_factory=dict)
    projects: int = 0
    project: int | None = None

    def open_project(self) -> int:
        self.projects += 1
        self.project = self.projects
        return self.projects

    def close_project(self) -> None:
        self.project = None

    def put(self, name: str, generation: int, content: str) -> None:
        """The object was written."""
        self.objects[name] = generation
        self.contents[name, generation] = content

    def remove(self, name: str) -> None:
        """The object was deleted in the bucket."""
        del self.objects[name]

    def ordinal(self, name: str, generation: int) -> int:
        """The number of a generation among those of its name, from 1: the same in each replay."""
        return sorted(known for each, known in self.contents if each == name).index(generation) + 1

    def record(self, name: str) -> Record:
        """What the living project knows of the object; an empty record if that is nothing."""
        return self.records.get((self.project or 0, name), Record())

    def known(self) -> list[str]:
        """The objects that the living project knows of, deleted or not."""
        return sorted(name for project, name in self.records if project == self.project)

    def register(self, name: str, generation: int) -> None:
        """A finalize was taken in. What another project has seen, alive or not, stays that one's."""
        if self.project is None or self._elsewhere(name) >= generation:
            return
        record = self.records.setdefault((self.project, name), Record())
        if generation > record.deleted:
            record.seen = max(record.seen, generation)

    def retire(self, name: str, generation: int) -> None:
        """A delete was taken in: an overwrite's own says nothing of what is newer."""
        known = [record for (_, each), record in self.records.items() if each == name]
        if not known and self.project is not None:
            known = [self.records.setdefault((self.project, name), Record())]
        for record in known:
            if generation >= record.seen:
                record.deleted = max(record.deleted, generation)

    def delete_document(self, name: str) -> None:
        """The document was deleted over the API, and with it its object, if that is no newer one."""
        record = self.records[self.project or 0, name]
        record.deleted = max(record.deleted, record.seen)
        if self.objects.get(name) == record.seen:
            del self.objects[name]

    def answer(self, name: str) -> str | None:
        """What has to answer once nothing is left to do: the bucket's bytes, unless they were a former project's."""
        generation = self.objects.get(name)
        if self.project is None or generation is None or self._elsewhere(name) >= generation:
            return None
        return self.contents[name, generation]

    def _elsewhere(self, name: str) -> int:
        others = [each for (project, known), each in self.records.items() if known == name and project != self.project]
        return max((max(each.seen, each.deleted) for each in others), default=0)
