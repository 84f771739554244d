"""PDF files that no program writes, put together object by object."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from io import BytesIO

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from tests.functions.texts import pdf

WORDS = "The keeper lights the lamp at dusk."
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
CONTENT = b"BT /F1 12 Tf 40 500 Td (" + WORDS.encode() + b") Tj ET"


def put_together(objects: Sequence[bytes], *, trailer: bytes = b"") -> bytes:
    """A file of these objects, the first of which is the catalogue; `trailer` goes into its dictionary."""
    written, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    written += b"trailer\n<< /Size %d /Root 1 0 R %b >>\n" % (
        len(objects) + 1,
        trailer.replace(b"TABLE", b"%d" % table),
    )
    return bytes(written + b"startxref\n%d\n%%%%EOF\n" % table)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), entries, content)


def page(parent: int, content: int, font: int) -> bytes:
    resources = b"<< /Font << /F1 %d 0 R >> >>" % font
    return b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 420 595] /Contents %d 0 R /Resources %b >>" % (
        parent,
        content,
        resources,
    )


def tree(kids: Sequence[int], count: int | None = None, more: bytes = b"") -> bytes:
    inner = b" ".join(b"%d 0 R" % kid for kid in kids)
    return b"<< /Type /Pages /Count %d /Kids [%b] %b >>" % (len(kids) if count is None else count, inner, more)


def one_page(*, catalogue: bytes = b"", trailer: bytes = b"", content: bytes | None = None) -> bytes:
    """One page with the words; entries more for its catalogue and trailer, or another stream as its content."""
    return put_together(
        [
            b"<< /Type /Catalog /Pages 2 0 R %b >>" % catalogue,
            tree([3]),
            page(2, 4, 5),
            content or stream(CONTENT),
            FONT,
        ],
        trailer=trailer,
    )


def encrypted() -> bytes:
    """Opens with a password only."""
    written = BytesIO()
    canvas = Canvas(written, encrypt=StandardEncryption("secret", ownerPassword="other"))
    canvas.drawString(40, 500, WORDS)
    canvas.save()
    return written.getvalue()


def truncated() -> bytes:
    """Ends before its first page has begun."""
    whole = pdf(WORDS)
    return whole[: whole.index(b"/Type /Page")]


def xref_loop() -> bytes:
    """The table of its objects says that the one before it is the same."""
    return one_page(trailer=b"/Prev TABLE")


def page_tree_loop() -> bytes:
    """The tree's only child is the tree."""
    return put_together([b"<< /Type /Catalog /Pages 2 0 R >>", tree([2], count=1, more=b"/Parent 2 0 R")])


def deep_page_tree(depth: int) -> bytes:
    """Each tree has a tree as its only child, and the last one a page."""
    trees = [tree([number + 1], count=1) for number in range(2, depth + 2)]
    last = depth + 2
    return put_together(
        [b"<< /Type /Catalog /Pages 2 0 R >>", *trees, page(last - 1, last + 1, last + 2), stream(CONTENT), FONT]
    )


def deep_object(depth: int) -> bytes:
    """A list within a list within a list, in the catalogue."""
    return one_page(catalogue=b"/Deep " + b"[" * depth + b"]" * depth)


def deep_content(depth: int) -> bytes:
    """The page's content begins with a list within a list, and so on."""
    return one_page(content=stream(b"[" * depth + b"]" * depth + b" TJ " + CONTENT))


def outline_loop() -> bytes:
    """Each bookmark comes after the other."""
    first = b"<< /Title (One) /Parent 6 0 R /Next 8 0 R /Dest [3 0 R /Fit] >>"
    second = b"<< /Title (Two) /Parent 6 0 R /Next 7 0 R /First 6 0 R /Dest [3 0 R /Fit] >>"
    outline = b"<< /Type /Outlines /First 7 0 R /Last 8 0 R /Count 2 >>"
    catalogue = b"<< /Type /Catalog /Pages 2 0 R /Outlines 6 0 R >>"
    return put_together([catalogue, tree([3]), page(2, 4, 5), stream(CONTENT), FONT, outline, first, second])


def form_loop() -> bytes:
    """What the page draws draws itself."""
    form = stream(
        b"/X Do " + CONTENT,
        b"/Type /XObject /Subtype /Form /BBox [0 0 420 595]"
        b" /Resources << /XObject << /X 6 0 R >> /Font << /F1 5 0 R >> >>",
    )
    shown = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Contents 4 0 R"
        b" /Resources << /XObject << /X 6 0 R >> /Font << /F1 5 0 R >> >> >>"
    )
    content = stream(b"/X Do " + CONTENT)
    return put_together([b"<< /Type /Catalog /Pages 2 0 R >>", tree([3]), shown, content, FONT, form])


def many_pages(pages: int) -> bytes:
    """So many pages, all of one content."""
    kids = range(5, 5 + pages)
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", tree(kids), stream(CONTENT), FONT]
    return put_together([*objects, *(page(2, 3, 4) for _ in kids)])


def stated_pages(pages: int) -> bytes:
    """Says that it has so many pages, and has one."""
    return put_together(
        [b"<< /Type /Catalog /Pages 2 0 R >>", tree([3], count=pages), page(2, 4, 5), stream(CONTENT), FONT]
    )


def packed_content(size: int) -> bytes:
    """The page's content is so many bytes of the same operation, packed to a thousandth."""
    packer = zlib.compressobj(9)
    piece = b"(lamp ) Tj " * 100_000
    pieces = [packer.compress(b"BT /F1 12 Tf "), *(packer.compress(piece) for _ in range(size // len(piece)))]
    return one_page(content=stream(b"".join(pieces) + packer.compress(b"ET") + packer.flush(), b"/Filter /FlateDecode"))


def printed(pages: Iterable[Sequence[str]]) -> bytes:
    """A file of pages of lines, as a program writes one: each page's content compressed."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", FONT]
    kids: list[int] = []
    for lines in pages:
        shown = b" ".join(b"(%b) Tj T*" % line.encode() for line in lines)
        content = zlib.compress(b"BT /F1 9 Tf 30 560 Td 12 TL %b ET" % shown, 1)
        objects.append(stream(content, b"/Filter /FlateDecode"))
        objects.append(page(2, len(objects), 3))
        kids.append(len(objects))
    objects[1] = tree(kids)
    return put_together(objects)
