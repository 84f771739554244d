"""`common.extraction.reading`, with an OCR for pages that are images: what the children of `chunk` read with.

The OCR is loaded with the first such page of a document, in its child.
"""

from functools import partial

from common.adapters.rapid_ocr import RapidPageReader
from common.extraction import reading

read = partial(reading.read, page_reader=RapidPageReader())
assemble = reading.assemble
