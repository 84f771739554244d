"""What no emulator lists: a name that no row can record."""

from __future__ import annotations

import pytest

from common.adapters.google_storage import GoogleObjectStore
from tests.unit.answering_server import answering, said


def listed(name: str) -> dict[str, object]:
    return {"bucket": "uploads", "name": name, "generation": "1", "size": "0"}


def test_objects_that_no_row_can_record_are_left_out_and_hide_none_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        server.answer(
            said({"items": [listed("a\0"), listed("a\0b")], "nextPageToken": "more"}),
            said({"items": [listed("b"), listed("b\0"), listed("c"), listed("d")]}),
        )
        objects = GoogleObjectStore("project", anonymous=True)
        page = objects.list_page("uploads", "", "", 2)
    assert [stored.name for stored in page] == ["b", "c"]
