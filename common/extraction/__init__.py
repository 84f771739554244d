"""From a file's bytes to the text that is split, embedded and quoted."""

from common.extraction.by_type import extract
from common.extraction.detection import detect_type
from common.extraction.limits import ExtractionLimits

__all__ = ["ExtractionLimits", "detect_type", "extract"]
