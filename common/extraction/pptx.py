"""PowerPoint presentations: a slide is a page, its title the heading, its notes behind it."""

from __future__ import annotations

from pathlib import Path

from common.extraction.containers import open_container
from common.extraction.drawing import read_shapes
from common.extraction.figures import Figures, pointed_to
from common.extraction.headed_text import HeadedText
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import PPTX
from common.extraction.office import Damage, main_part, parts_of_kind, properties_title, relationships
from common.extraction.xml_reading import Attributes
from common.model.chunks import Extraction

_TITLES = frozenset({"title", "ctrTitle"})
_RUNNING = frozenset({"sldNum", "dt", "ftr", "hdr"})
_NOTES = "body"


def extract_pptx(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The slides in the order in which they are shown, hidden ones too, without what runs at their edges."""
    text, damage = HeadedText(), Damage()
    with open_container(path, limits) as container:
        main = main_part(container)
        related = relationships(container, main)
        show = _Show()
        container.read_xml(main, show)
        slides = [related[each].target for each in show.slides if each in related]
        limits.check_pages(len(slides))
        for number, slide in enumerate(slides):
            if number:
                text.page()
            place = f"slide {number + 1}"
            pointed = pointed_to(container, slide, damage, place)
            _write_slide(text, slide, Figures(container, pointed, limits, damage, place))
            limits.check_characters(text.length)
            if progress:
                progress(number + 1, len(slides))
        title = properties_title(container, damage)
    return Extraction(
        mime_type=PPTX,
        text=text.whole(),
        page_starts=text.page_starts,
        headings=tuple(text.headings),
        title=title or text.title_of_level(1),
        warnings=damage.warnings(),
    )


def _write_slide(text: HeadedText, slide: str, figures: Figures) -> None:
    shapes = read_shapes(figures.container, slide)
    text.block(2)
    heading = next((each for each in shapes if each.placeholder in _TITLES and each.title().strip()), None)
    if heading:
        text.heading(heading.title(), 1)
    else:
        text.end_headings()
    for shape in shapes:
        if shape.placeholder not in _RUNNING and shape is not heading:
            figures.write_shape(text, shape)
    for part in parts_of_kind(figures.related, "notesSlide"):
        for shape in figures.shapes(part, "The notes"):
            if shape.placeholder == _NOTES:
                shape.placeholder = ""
                shape.write(text)


class _Show:
    """The part that puts the slides in order."""

    def __init__(self) -> None:
        self.slides: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sldId":
            self.slides.append(attributes.get("r:id", ""))

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...
