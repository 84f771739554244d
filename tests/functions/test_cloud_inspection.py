"""The inspection on Google Cloud's parts: vectors and texts are asked for by their ids, since no index lists them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import pytest

from tests.conftest import TestDatabase
from tests.functions.cloud import CloudInstallation, cloud_installed
from tests.functions.inspecting import (
    Break,
    Place,
    reasons,
    with_late_extraction,
    with_late_texts,
    with_late_vectors,
    without_extraction,
    without_texts,
    without_vectors,
)
from tests.functions.topics import Topics

BREAKS: dict[str, tuple[Break, str]] = {
    "a vector less": (without_vectors, "VECTORS_MISSING"),
    "a text less": (without_texts, "TEXTS_MISSING"),
    "no extraction": (without_extraction, "EXTRACTION_MISSING"),
    "a vector of a purged job": (with_late_vectors, "LEFTOVERS"),
    "a text of a purged job": (with_late_texts, "LEFTOVERS"),
    "an extraction of a purged job": (with_late_extraction, "LEFTOVERS"),
}

_numbers = count(1)


@pytest.fixture(scope="module")
def cloud(database: TestDatabase, function_topics: Topics, function_storage: str) -> Iterator[CloudInstallation]:
    with cloud_installed(database, function_topics, function_storage, "cloud-inspection") as parts:
        yield parts


@pytest.fixture
def place(cloud: CloudInstallation) -> Place:
    project = cloud.project("acme", f"docs-{next(_numbers)}")
    return Place(cloud, project, f"acme/{project.name}/{uuid4()}.md")


def test_a_document_that_was_replaced_purged_and_deleted_leaves_nothing_to_find(place: Place) -> None:
    place.purged()
    found = place.found()
    assert (found.violations, found.in_flight, found.jobs) == ((), 0, 2)
    place.purge(place.deleted())
    found = place.found()
    assert (found.violations, found.in_flight, found.jobs) == ((), 0, 3)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in {"a vector less", "a text of a purged job"} else [pytest.mark.full])
        for name in BREAKS
    ],
)
def test_what_is_missing_or_left_is_found_and_mended(place: Place, name: str) -> None:
    break_it, reason = BREAKS[name]
    break_it(place)
    found = place.found()
    assert reasons(found) == {reason}
    assert all(each.sent for each in place.repaired(found))
    place.installation.run()
    assert place.found().violations == ()
