"""The quota of the stand-in for Vertex AI, by a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.vertex.protocol import RefusedError
from local.vertex.quota import Quota

SECONDS = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def wait_of(quota: Quota, tokens: int) -> float | None:
    """The seconds to wait that a refusal tells; None if there was none."""
    try:
        quota.take(tokens)
    except RefusedError as refusal:
        return refusal.retry_after
    return None


@given(
    calls=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 12)), max_size=40),
    requests=st.integers(1, 6),
    tokens=st.integers(12, 30),
)
def test_no_minute_has_more_than_the_quota_and_what_waits_as_told_is_taken(
    calls: list[tuple[int, int]], requests: int, tokens: int
) -> None:
    clock = Clock()
    quota = Quota(requests, tokens, SECONDS, now=clock)
    taken: list[tuple[float, int]] = []
    for pause, amount in calls:
        clock.now += pause
        for _ in range(3):
            wait = wait_of(quota, amount)
            if wait is None:
                break
            assert 0 < wait <= SECONDS
            clock.now += wait
        assert wait is None
        taken.append((clock.now, amount))
    for start, _ in taken:
        minute = [amount for at, amount in taken if start <= at < start + SECONDS]
        assert len(minute) <= requests
        assert sum(minute) <= tokens


def test_what_is_refused_counts_for_nothing() -> None:
    quota = Quota(2, 10, SECONDS, now=Clock())
    assert wait_of(quota, 6) is None
    assert wait_of(quota, 6) == SECONDS
    assert wait_of(quota, 4) is None


def test_one_request_over_the_whole_quota_is_never_taken() -> None:
    clock = Clock()
    quota = Quota(None, 10, SECONDS, now=clock)
    for _ in range(3):
        assert wait_of(quota, 11) == SECONDS
        clock.now += SECONDS


@pytest.mark.parametrize("tokens", [0, 1, 10**9])
def test_without_a_quota_nothing_is_refused(tokens: int) -> None:
    quota = Quota(None, None, SECONDS, now=Clock())
    assert all(wait_of(quota, tokens) is None for _ in range(100))
