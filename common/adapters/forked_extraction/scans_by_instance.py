"""`common.extraction.reading`, and the instance, which alone has account and network, reads pages that are images."""

from __future__ import annotations

import os
import socket
from functools import partial

from common.adapters.forked_extraction.child import WORK
from common.adapters.forked_extraction.wire import PageLines, Scanned, received, sent
from common.extraction import reading
from common.extraction.pages import PageImage


class PageRefused(Exception):  # noqa: N818 - a warning names it: what the instance met at the page is in its log
    """The instance could not read the page."""


class AskingPageReader:
    """See `common.ports.PageReader`. Asks whoever waits for the child's answer."""

    def __call__(self, image: PageImage) -> list[str]:
        with socket.socket(fileno=os.dup(WORK)) as work:
            sent(Scanned(image), work)
            lines = received(work, PageLines).lines
        if lines is None:
            raise PageRefused
        return lines


read = partial(reading.read, page_reader=AskingPageReader())
assemble = reading.assemble
