"""Files that are made to harm whoever reads them: each ends in the reason that fits, at the first attempt."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import docx
import pytest

from common import split_store
from common.extraction.mime_types import DOCX, HTML, PDF, PLAIN
from tests.files import hostile_bytes, office_files, pdf_files
from tests.files.office_files import WORDS
from tests.functions.installation import Installation
from tests.functions.texts import pdf
from tests.functions.topics import Published

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89"
ELF = b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\x3e\0\1\0\0\0" + bytes(200)


def written_docx() -> bytes:
    document, written = docx.Document(), BytesIO()
    document.add_paragraph(WORDS)
    document.save(written)
    return written.getvalue()


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero-byte.pdf": (bytes, "EMPTY_FILE"),
    "encrypted.pdf": (pdf_files.encrypted, "ENCRYPTED_PDF"),
    "truncated.pdf": (pdf_files.truncated, "CORRUPT_PDF"),
    "page-tree-loop.pdf": (pdf_files.page_tree_loop, "CORRUPT_PDF"),
    "deep-page-tree.pdf": (lambda: pdf_files.deep_page_tree(100_000), "CORRUPT_PDF"),
    "100000-pages.pdf": (lambda: pdf_files.many_pages(100_000), "TOO_MANY_PAGES"),
    "100000-pages-stated.pdf": (lambda: pdf_files.stated_pages(100_000), "TOO_MANY_PAGES"),
    "truncated.docx": (lambda: office_files.docx()[:-200], "CORRUPT_FILE"),
    "broken-off.docx": (lambda: office_files.docx()[:300], "CORRUPT_FILE"),
    "password.docx": (lambda: office_files.compound("EncryptionInfo", "EncryptedPackage"), "ENCRYPTED_FILE"),
    "password.xlsx": (lambda: office_files.compound("EncryptedPackage", "\6DataSpaces"), "ENCRYPTED_FILE"),
    "locked-member.docx": (office_files.locked_member, "ENCRYPTED_FILE"),
    "old.doc": (lambda: office_files.compound("WordDocument", "1Table"), "UNSUPPORTED_TYPE"),
    "broken-off.doc": (lambda: office_files.compound("WordDocument")[:100], "CORRUPT_FILE"),
    "zip-bomb.docx": (lambda: office_files.zip_bomb(200_000_000), "DECOMPRESSED_TOO_LARGE"),
    "billion-laughs.docx": (office_files.laughing_docx, "CORRUPT_FILE"),
    "outside-entity.docx": (office_files.outside_entity_docx, "CORRUPT_FILE"),
    "deep-tables.docx": (lambda: office_files.deep_docx(50_000), "NESTED_TOO_DEEPLY"),
    "deep.html": (lambda: b"<!DOCTYPE html>" + b"<div>" * 300_000 + b"lamp", "NESTED_TOO_DEEPLY"),
    "deep.rtf": (lambda: rb"{\rtf1 " + b"{" * 300_000 + b"lamp" + b"}" * 300_001, "NESTED_TOO_DEEPLY"),
    "archive.zip": (lambda: office_files.packed({"lamp.txt": WORDS}), "UNSUPPORTED_TYPE"),
    "picture.txt": (lambda: PNG, "UNSUPPORTED_TYPE"),
    "program.pdf": (lambda: ELF, "UNSUPPORTED_TYPE"),
}

# With a fault that a reader can live with, or under a name that says something else.
READ: dict[str, tuple[Callable[[], bytes], str]] = {
    "xref-loop.pdf": (pdf_files.xref_loop, PDF),
    "outline-loop.pdf": (pdf_files.outline_loop, PDF),
    "form-loop.pdf": (pdf_files.form_loop, PDF),
    "deep-object.pdf": (lambda: pdf_files.deep_object(1_000_000), PDF),
    "deep-content.pdf": (lambda: pdf_files.deep_content(1_000_000), PDF),
    "endless-pages-stated.pdf": (lambda: pdf_files.stated_pages(2**31 - 1), PDF),
    "pdf-named.docx": (lambda: pdf(WORDS), PDF),
    "docx-named.pdf": (written_docx, DOCX),
    "html-named.csv": (f"<!DOCTYPE html><p>{WORDS}</p>".encode, HTML),
    "text-named.pdf": (WORDS.encode, PLAIN),
    "text-named.xlsx": (WORDS.encode, PLAIN),
}


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


def chunked(installation: Installation, name: str, content: bytes) -> tuple[Published, list[Published]]:
    """The message that registered the document, and what `chunk` made of it at its first attempt."""
    registered = installation.register(f"acme/docs/{name}", content)
    return registered, installation.accept("chunk", registered.body)


def text(installation: Installation, registered: Published) -> str:
    stored = split_store.read(
        installation.applications[0].objects, installation.extraction_bucket, registered.content["job_id"]
    )
    assert stored is not None
    return stored.extraction.text


def assert_refused(installation: Installation, name: str, content: bytes, reason: str) -> None:
    registered, published = chunked(installation, name, content)
    assert published == []
    job = installation.job(registered.content["job_id"])
    assert (job["status"], job["stage"], job["reason"]) == ("failed", "chunk", reason)
    assert (job["retryable"], job["attempts"], job["lease_token"]) == (False, 0, None)
    assert installation.document(registered.content["document_id"])["status"] == "failed"


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_used_fails_with_the_reason_that_fits(installation: Installation, name: str) -> None:
    make, reason = REFUSED[name]
    assert_refused(installation, name, make(), reason)


@pytest.mark.full
def test_a_page_that_is_packed_to_a_thousandth_costs_its_job_only(installation: Installation) -> None:
    assert_refused(installation, "packed.pdf", pdf_files.packed_content(300_000_000), "EXTRACTION_MEMORY")


@pytest.mark.parametrize("name", READ)
def test_a_file_that_can_be_read_all_the_same_is_read(installation: Installation, name: str) -> None:
    make, mime_type = READ[name]
    registered, published = chunked(installation, name, make())
    assert {each.subscription for each in published} == {"embed"}
    assert installation.document(registered.content["document_id"])["mime_type"] == mime_type
    assert WORDS in text(installation, registered)


def test_entities_of_an_xml_file_stay_as_they_are_written(installation: Installation) -> None:
    content = office_files.laughing_xml()
    registered, _ = chunked(installation, "billion-laughs.xml", content)
    assert text(installation, registered).strip() == content.decode().strip()


@pytest.mark.parametrize("name", hostile_bytes.TEXTS)
def test_bytes_that_are_not_as_they_should_be_become_a_text_that_answers(installation: Installation, name: str) -> None:
    content, words = hostile_bytes.TEXTS[name]
    registered = installation.ingest(f"acme/docs/{name}", content)
    job = installation.job(registered.content["job_id"])
    assert (job["status"], job["reason"], job["attempts"]) == ("succeeded", None, 0)
    found = text(installation, registered)
    assert words in found
    assert not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in found)


@pytest.mark.full
@pytest.mark.parametrize("make", [hostile_bytes.long_line, hostile_bytes.long_word])
def test_a_line_of_ten_megabytes_is_split(installation: Installation, make: Callable[[int], bytes]) -> None:
    content = make(10_000_000)
    registered, published = chunked(installation, make.__name__, content)
    job = installation.job(registered.content["job_id"])
    assert (job["status"], job["attempts"]) == ("running", 0)
    assert sum(len(each.content["chunks"]) for each in published) == job["total_chunks"] > 1000
    assert text(installation, registered).strip() == content.decode().strip()
