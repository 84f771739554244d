"""Documents for the tests: short, each with several chunks."""

from __future__ import annotations

import re
from io import BytesIO

from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

HANDBOOK = """# Lighthouse handbook

## How tall is the tower?

The tower is 43 metres tall from its base to the lantern gallery. Visitors climb 217 steps to the top, and the last
twelve of them are a steep iron ladder. No more than eight people may stand on the gallery at once.

## Who paints the tower?

Every third summer the harbour board hires painters from the village of Kittelsund. They need nine days for the white
bands and six for the red ones, and they stop whenever the wind is above seven metres a second.

## When is the foghorn sounded?

The foghorn is sounded when the keeper cannot see the church of Kittelsund across the bay. It gives two blasts of three
seconds every minute, and it is silent between ten at night and five in the morning.

## What does the keeper write down?

The keeper writes the weather, the passing ships and every fault of the lamp into the log. A finished log goes to the
national archive, where anyone may read it after thirty years.

## How is the lamp cleaned?

The lens of the lamp is cleaned with rainwater and a chamois every Monday. Vinegar is forbidden, because it blinds the
brass frame of the lens within a year.
"""


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text for each line of a page."""
    stream = BytesIO()
    canvas = Canvas(stream, pagesize=A5, invariant=True)
    for page in pages:
        lines = canvas.beginText(40, 540)
        lines.textLines(page)
        canvas.drawText(lines)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def pdf_with_lost_page(*pages: str) -> bytes:
    """A PDF whose second page is not to be found in it."""
    whole = pdf(*pages)
    damaged = re.sub(rb"(/Kids \[ \d+ 0 R )\d+", rb"\g<1>99", whole, count=1)
    assert damaged != whole
    return damaged
