"""Requests to fetch web addresses, under the logins that ask for them and that carry them out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common.catalog import Page
from common.errors import AiInfraError
from common.messages import DocumentRegistered
from common.model.documents import Route
from common.model.fetches import Fetch, FetchStatus
from tests.conftest import TestDatabase
from tests.rows import Installation, installed, new_fetch, new_place, registered

ERROR = AiInfraError("URL_UNREACHABLE", "It does not answer.")


@pytest.fixture(scope="module")
def installation(database: TestDatabase) -> Iterator[Installation]:
    with installed(database) as installation:
        yield installation


@pytest.fixture(scope="module")
def place(installation: Installation) -> Route:
    return new_place(installation)


@pytest.fixture
def message(installation: Installation, place: Route) -> DocumentRegistered:
    return registered(installation, place)


@pytest.fixture
def fetch(installation: Installation, message: DocumentRegistered) -> Fetch:
    requested = new_fetch(message)
    with installation.team_database.transaction(message.team_id) as transaction:
        transaction.fetches.open(requested)
    return requested


def found(installation: Installation, fetch: Fetch) -> Fetch:
    with installation.database.transaction() as transaction:
        kept = transaction.fetches.find(fetch.id)
    assert kept is not None
    return kept


def test_a_request_is_found_as_it_was_made(installation: Installation, fetch: Fetch) -> None:
    assert found(installation, fetch) == fetch
    assert not fetch.finished


def test_a_request_ends_once(installation: Installation, fetch: Fetch) -> None:
    with installation.database.transaction() as transaction:
        assert transaction.fetches.end(fetch.id, FetchStatus.FETCHED, 7)
        assert not transaction.fetches.end(fetch.id, FetchStatus.UNCHANGED, 8)
        assert not transaction.fetches.fail(fetch.id, ERROR, retryable=True)
        transaction.fetches.note(fetch.id, ERROR)
        assert transaction.fetches.last_error(fetch.id) is None
    assert found(installation, fetch).finished
    with installation.team_database.transaction(fetch.team_id) as transaction:
        shown = transaction.catalog.fetch(fetch.id)
    assert shown is not None
    assert (shown.status, shown.generation, shown.reason) == (FetchStatus.FETCHED, 7, None)
    assert shown.finished_at is not None


def test_what_failed_for_now_may_go_on_and_what_failed_for_good_may_not(
    installation: Installation, fetch: Fetch
) -> None:
    with installation.database.transaction() as transaction:
        transaction.fetches.note(fetch.id, ERROR)
        noted = transaction.fetches.last_error(fetch.id)
        assert noted is not None
        assert (noted.reason, noted.message) == (ERROR.reason, ERROR.message)
        assert transaction.fetches.fail(fetch.id, ERROR, retryable=True)
    assert not found(installation, fetch).finished
    with installation.database.transaction() as transaction:
        assert transaction.fetches.fail(fetch.id, ERROR, retryable=False)
        assert not transaction.fetches.end(fetch.id, FetchStatus.FETCHED, 1)
    assert found(installation, fetch).finished


def test_a_request_that_stands_still_is_claimed_once(installation: Installation, fetch: Fetch) -> None:
    installation.execute("update fetches set updated_at = now() - interval '1 hour' where id = :id", id=fetch.id)
    with installation.database.transaction() as transaction:
        assert [each.id for each in transaction.fetches.claim_stalled(600, 10)] == [fetch.id]
        assert transaction.fetches.claim_stalled(600, 10) == []


def test_a_request_knows_whether_its_project_is_living(installation: Installation) -> None:
    place = new_place(installation)
    fetch = new_fetch(registered(installation, place))
    with installation.database.transaction() as transaction:
        transaction.fetches.open(fetch)
    installation.execute("update projects set deleted_at = now() where id = :id", id=place.project_id)
    assert not found(installation, fetch).project_living
    with installation.team_database.transaction(place.team_id) as transaction:
        assert transaction.catalog.fetch(fetch.id) is None


def test_requests_are_listed_in_pages_newest_first(installation: Installation) -> None:
    message = registered(installation, new_place(installation))
    requested = [new_fetch(message) for _ in range(3)]
    for each in requested:
        with installation.team_database.transaction(message.team_id) as transaction:
            transaction.fetches.open(each)
    with installation.team_database.transaction(message.team_id) as transaction:
        first = transaction.catalog.fetches(message.project_id, Page(2))
        rest = transaction.catalog.fetches(message.project_id, Page(2, (first[-1].created_at, first[-1].id)))
    assert [each.id for each in (*first, *rest)] == [each.id for each in reversed(requested)]
