"""Known content as text and markup, mail and books."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from email.message import EmailMessage

from bench.fidelity.content import Aside, Block, Content, Heading, Listing, Page, Paragraph, Table

_BOOK = "application/oebps-package+xml"


def without_asides(content: Content) -> Content:
    """The content as formats have it that know neither notes nor text boxes."""
    return Content(
        tuple(tuple(block for block in page if not isinstance(block, Aside)) for page in content.pages), content.running
    )


def tables_alone(content: Content) -> Content:
    """Each page's table under its first heading."""
    return Content(
        tuple((page[0], *(block for block in page if isinstance(block, Table))) for page in content.pages),
        content.running,
    )


def one_table(content: Content) -> Content:
    """The first table."""
    return Content((tuple(block for block in content.pages[0] if isinstance(block, Table)),), content.running)


def html(content: Content) -> bytes:
    body = "".join(map(_html_page, content.pages))
    menu = "".join(f"<li><a href='/'>{word}</a></li>" for word in ("Home", "About"))
    return (
        f"<!doctype html><html><head><title>Known</title><style>p {{ margin: 0 }}</style></head><body>"
        f"<nav><ul>{menu}</ul></nav><main>{body}</main><script>let unread = 1</script></body></html>"
    ).encode()


def _html_page(page: Page) -> str:
    return "".join(map(_html_block, page))


def _html_block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{text}</h{level}>"
        case Paragraph(text) | Aside(text):
            first, _, rest = text.partition(" ")
            return f"<p><b>{first[:3]}</b>{first[3:]} <em>{rest}</em></p>"
        case Listing(items):
            return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
        case Table(header, rows):
            cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
            return f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in header)}</tr>{cells}</table>"


def markdown(content: Content) -> bytes:
    return "\n\n".join(_markdown_block(block) for page in content.pages for block in page).encode()


def _markdown_block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(text) | Aside(text):
            first, _, rest = text.partition(" ")
            return f"**{first}** {rest}"
        case Listing(items):
            return "\n".join(f"- {item}" for item in items)
        case Table(header, rows):
            lines = [header, ("---",) * len(header), *rows]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(content: Content) -> bytes:
    return _plain_text(content).encode()


def plain_utf_16(content: Content) -> bytes:
    return _plain_text(content).encode("utf-16")


def _plain_text(content: Content) -> str:
    return "\n\n".join(_plain_block(block) for page in content.pages for block in page)


def _plain_block(block: Block) -> str:
    match block:
        case Heading(_, text) | Paragraph(text) | Aside(text):
            return text
        case Listing(items):
            return "\n".join(f"* {item}" for item in items)
        case Table(header, rows):
            return "\n".join("  ".join(row) for row in (header, *rows))


def delimited(content: Content) -> bytes:
    (table,) = (block for block in content.pages[0] if isinstance(block, Table))
    written = io.StringIO()
    csv.writer(written, delimiter=";").writerows([table.header, *table.rows])
    return written.getvalue().encode("utf-8-sig")


def records(content: Content) -> bytes:
    """JSON: a list a page, the lines of its blocks within."""
    return json.dumps([[_plain_block(block).split("\n") for block in page] for page in content.pages]).encode()


def xml(content: Content) -> bytes:
    """Data, not prose: no element within a word."""
    sections = (
        "".join(f"<entry>{line}</entry>" for block in page for line in _plain_block(block).split("\n"))
        for page in content.pages
    )
    body = "".join(f"<section>{section}</section>" for section in sections)
    return f"<?xml version='1.0'?><report xmlns='urn:known'>{body}</report>".encode()


def mail(content: Content) -> bytes:
    """A letter with its text twice, plain and as HTML, and a picture attached."""
    letter = EmailMessage()
    letter["From"], letter["To"] = "Ann <ann@example.org>", "Ben <ben@example.org>"
    letter["Subject"], letter["Date"] = "Known", "Mon, 30 Nov 2026 10:00:00 +0100"
    letter.set_content(_plain_text(content), charset="iso-8859-1", cte="quoted-printable")
    letter.add_alternative(html(content).decode(), subtype="html")
    letter.add_attachment(b"\x89PNG\r\n\x1a\n", maintype="image", subtype="png", filename="map.png")
    return bytes(letter)


def rtf(content: Content) -> bytes:
    pages = r"\page ".join("".join(map(_rtf_block, page)) for page in content.pages)
    styles = r"{\stylesheet{\s1\outlinelevel0 heading 1;}{\s2\outlinelevel1 heading 2;}}"
    return rf"{{\rtf1\ansi\deff0{{\fonttbl{{\f0 Arial;}}}}{styles}{pages}}}".encode("ascii")


def _rtf_block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return rf"\pard\s{level}\outlinelevel{level - 1}\b {text}\b0\par" + "\n"
        case Paragraph(text):
            return rf"\pard\plain {text}\par" + "\n"
        case Aside(text):
            return rf"\pard\plain {{\footnote\pard\plain {text}\par}}" + "\n"
        case Listing(items):
            return "".join(rf"\pard\plain{{\pntext\bullet\tab}}{item}\par" + "\n" for item in items)
        case Table(header, rows):
            ends = "".join(rf"\cellx{2000 * number}" for number in range(1, len(header) + 1))
            lines = (
                rf"\trhdr{ends}\pard\plain\intbl {_rtf_cells(header)}",
                *(rf"{ends}\pard\plain\intbl {_rtf_cells(row)}" for row in rows),
            )
            return "".join(rf"\trowd{line}\row" + "\n" for line in lines) + r"\pard\plain "


def _rtf_cells(row: tuple[str, ...]) -> str:
    return "".join(rf"{cell}\cell " for cell in row)


def book(content: Content) -> bytes:
    """EPUB, a chapter a page."""
    names = [f"{number}.xhtml" for number in range(len(content.pages))]
    items = "".join(f'<item id="c{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in names)
    order = "".join(f'<itemref idref="c{name}"/>' for name in names)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
            f'<rootfile full-path="book.opf" media-type="{_BOOK}"/></rootfiles></container>',
        )
        archive.writestr(
            "book.opf",
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Known</dc:title><dc:language>en</dc:language>'
            f'<dc:identifier id="i">known</dc:identifier></metadata><manifest>{items}</manifest><spine>{order}</spine>'
            "</package>",
        )
        for name, page in zip(names, content.pages, strict=True):
            archive.writestr(
                name,
                '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Known</title></head>'
                f"<body>{_html_page(page)}</body></html>",
            )
    return written.getvalue()
