"""Word documents: body, lists, tables, notes and text boxes, from their XML."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from common.extraction.containers import open_container
from common.extraction.docx_chunks import read_chunks
from common.extraction.docx_lists import Lists
from common.extraction.docx_story import SKIPPED, StoryReader
from common.extraction.docx_styles import Styles
from common.extraction.figures import Figures
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import DOCX
from common.extraction.office import Damage, main_part, parts_of_kind, properties_title, relationships
from common.extraction.xml_reading import Attributes
from common.model.chunks import Extraction

type Notes = dict[tuple[str, str], str]


def extract_docx(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The document as it reads with all changes accepted; notes, text boxes, charts and diagrams stand behind
    their paragraphs.

    Page headers and footers, comments and tables of contents are left out.
    """
    with open_container(path, limits) as container:
        main = main_part(container)
        related = relationships(container, main)
        damage = Damage()
        styles, lists = Styles(), Lists()
        for kind, reader in (("styles", styles), ("numbering", lists)):
            for part in parts_of_kind(related, kind):
                read = partial(container.read_xml, part, reader)
                damage.spared(read, None, f"The document's {kind} could not be read: headings or lists may be missing.")
        notes: Notes = {}
        for kind in ("footnote", "endnote"):
            for part in parts_of_kind(related, f"{kind}s"):
                found = _NoteReader(kind, StoryReader(styles, lists, {}, limits), notes)
                read = partial(container.read_xml, part, found, skip=SKIPPED)
                damage.spared(read, None, f"Some of the document's {kind}s could not be read.")
        chunks, warnings = read_chunks(container, related, limits)
        figures = Figures(container, related, limits, damage, place="the document")
        story = StoryReader(styles, lists, notes, limits, chunks=chunks, figures=figures)
        container.read_xml(main, story, skip=SKIPPED)
        stated = properties_title(container, damage)
    page_starts = story.page_starts()
    limits.check_pages(len(page_starts))
    if progress:
        progress(1, 1)
    return Extraction(
        mime_type=DOCX,
        text=story.written.whole(),
        page_starts=page_starts,
        headings=tuple(story.written.headings),
        title=stated or story.title or story.written.title_of_level(1),
        warnings=warnings + damage.warnings(),
    )


class _NoteReader:
    """Reads a part of notes, each a story of its own; the lines that part notes from text are none."""

    def __init__(self, kind: str, story: StoryReader, notes: Notes) -> None:
        self._notes = notes
        self._kind = kind
        self._story = story
        self._id = ""
        self._start = 0

    def start(self, name: str, attributes: Attributes) -> None:
        if name == self._kind:
            self._id = attributes.get("id", "")
            self._start = self._story.written.length
        else:
            self._story.start(name, attributes)

    def end(self, name: str) -> None:
        if name == self._kind:
            self._notes[self._kind, self._id] = self._story.written.since(self._start)[0]
        else:
            self._story.end(name)

    def text(self, text: str) -> None:
        self._story.text(text)
