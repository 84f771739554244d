"""An instance's share of a quota, at any time that the clock may show."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from math import inf
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Deferred
from common.quota import Quota, Reservation

MINUTE = 60.0
# Two requests sent a minute apart may arrive closer to each other: the quota leaves a second for that.
WINDOW = 61.0
REQUESTS, TOKENS = 5, 100

# Whole eighths of a second, which floating-point numbers hold exactly.
pauses = st.integers(0, 200).map(lambda eighths: eighths / 8)
sizes = st.integers(0, TOKENS)
arrivals = st.lists(st.tuples(pauses, sizes), max_size=60)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def quota_at(time: Callable[[], float], **changes: float | int) -> Quota:
    return Quota(**{"requests_per_minute": REQUESTS, "tokens_per_minute": TOKENS, "now": time, **changes})  # type: ignore[arg-type]


def wait_for(quota: Quota, tokens: int) -> float:
    """The wait until a request may start; 0 for one that has started."""
    try:
        quota.take(tokens)
    except Deferred as deferred:
        return deferred.wait_seconds
    return 0.0


def start(quota: Quota, time: Time, tokens: int) -> Reservation:
    """Start a request after waiting as told, once."""
    try:
        return quota.take(tokens)
    except Deferred as deferred:
        time.now += deferred.wait_seconds
        return quota.take(tokens)


def minutes_of(started: list[tuple[float, int]]) -> list[list[int]]:
    """The tokens of the requests of each minute that begins with a request."""
    return [[size for at, size in started if begin <= at < begin + MINUTE] for begin, _ in started]


@given(arrivals)
def test_no_minute_has_more_than_the_quota(arriving: list[tuple[float, int]]) -> None:
    time = Time()
    quota = quota_at(time)
    started = []
    for pause, tokens in arriving:
        time.now += pause
        with suppress(Deferred):
            quota.take(tokens)
            started.append((time.now, tokens))
    for minute in minutes_of(started):
        assert len(minute) <= REQUESTS
        assert sum(minute) <= TOKENS


@given(arrivals)
def test_a_wait_is_as_long_as_it_has_to_be_and_no_longer(arriving: list[tuple[float, int]]) -> None:
    time = Time()
    quota = quota_at(time)
    started: list[tuple[float, int]] = []

    def room_at(moment: float, tokens: int) -> bool:
        counted = [size for at, size in started if at > moment - WINDOW]
        return len(counted) < REQUESTS and sum(counted) + tokens <= TOKENS

    for pause, tokens in arriving:
        time.now += pause
        waited = wait_for(quota, tokens)
        starts = time.now + waited
        assert room_at(starts, tokens)
        if waited:
            assert not room_at(starts - 1 / 8, tokens)
            time.now = starts
            assert wait_for(quota, tokens) == 0
        started.append((starts, tokens))


@given(st.lists(sizes, max_size=60), st.integers(1, 4))
def test_a_backlog_is_worked_off_at_the_rate_of_the_quota(backlog: list[int], max_instances: int) -> None:
    time = Time()
    quota = quota_at(time, tokens_per_minute=TOKENS * max_instances, max_instances=max_instances)
    begun = time.now
    for tokens in backlog:
        start(quota, time, tokens)
    # Two minutes that follow each other hold more than the quota of one, or the first of the second would have
    # gone in the first.
    share = max(sum(backlog) / TOKENS, len(backlog) * max_instances / REQUESTS)
    assert time.now - begun <= 2 * WINDOW * share


def test_a_backlog_of_small_requests_takes_little_longer_than_its_tokens_over_the_quota(time: Time) -> None:
    quota = quota_at(time, requests_per_minute=1000)
    begun, size, minutes = time.now, 7, 20
    for _ in range(minutes * TOKENS // size):
        start(quota, time, size)
        time.now += 0.1
    assert time.now - begun <= 1.05 * minutes * MINUTE


def test_each_of_several_instances_has_its_share(time: Time) -> None:
    quota = quota_at(time, requests_per_minute=8, tokens_per_minute=1000, max_instances=4)
    assert quota.tokens_per_minute == 250
    assert [wait_for(quota, 125), wait_for(quota, 126), wait_for(quota, 125)] == [0, WINDOW, 0]
    assert wait_for(quota, 0) == WINDOW


def test_fewer_requests_than_instances_are_spread_over_several_minutes(time: Time) -> None:
    quota = quota_at(time, requests_per_minute=1, max_instances=3)
    assert [wait_for(quota, 1), wait_for(quota, 1)] == [0, 3 * WINDOW]


def test_a_request_of_more_than_a_minutes_tokens_goes_alone_and_counts_for_all_of_them(time: Time) -> None:
    quota = quota_at(time)
    assert [wait_for(quota, 1), wait_for(quota, 3 * TOKENS)] == [0, WINDOW]
    time.now += WINDOW
    assert [wait_for(quota, 3 * TOKENS), wait_for(quota, 0), wait_for(quota, 1)] == [0, 3 * WINDOW, 3 * WINDOW]


def test_without_numbers_nothing_waits(time: Time) -> None:
    quota = Quota(now=time)
    assert {wait_for(quota, 10**9) for _ in range(100)} == {0.0}


def test_what_a_request_did_not_take_is_given_back(time: Time) -> None:
    quota = quota_at(time)
    reservation = quota.take(TOKENS)
    assert wait_for(quota, 40) == WINDOW
    quota.settle(reservation, 60)
    assert [wait_for(quota, 41), wait_for(quota, 40)] == [WINDOW, 0]


def test_what_a_request_took_beyond_its_estimate_counts(time: Time) -> None:
    quota = quota_at(time)
    quota.settle(quota.take(10), 90)
    assert [wait_for(quota, 11), wait_for(quota, 10)] == [WINDOW, 0]


def test_a_wait_for_the_share_may_be_repeated_without_end(time: Time) -> None:
    quota = quota_at(time)
    quota.take(TOKENS)
    with pytest.raises(Deferred) as caught:
        quota.take(1)
    assert (caught.value.reason, caught.value.bounded) == ("QUOTA", False)


def test_those_in_line_start_in_the_order_in_which_they_came(time: Time) -> None:
    quota = quota_at(time)
    quota.take(TOKENS)
    with quota.in_line(60) as first, quota.in_line(60) as second, quota.in_line(40) as third:
        assert [quota.start(each) for each in (third, second, first)] == [2 * WINDOW, 2 * WINDOW, WINDOW]
        assert wait_for(quota, 1) == 3 * WINDOW
        time.now += WINDOW
        assert [quota.start(each) for each in (third, second, first)] == [WINDOW, WINDOW, 0]
        time.now += WINDOW
        assert [quota.start(each) for each in (third, second)] == [0, 0]


def test_whoever_leaves_the_line_holds_nobody_up(time: Time) -> None:
    quota = quota_at(time)
    quota.take(60)
    with quota.in_line(60):
        assert wait_for(quota, 40) == WINDOW
    assert wait_for(quota, 40) == 0


def test_room_that_opens_early_goes_to_the_first_in_line(time: Time) -> None:
    quota = quota_at(time)
    under_way = quota.take(TOKENS)
    with quota.in_line(60) as first, quota.in_line(60) as second:
        quota.settle(under_way, 40)
        assert [quota.start(second), quota.start(first)] == [WINDOW, 0]


@given(st.lists(sizes, min_size=1, max_size=20), st.data())
def test_a_line_is_worked_off_in_order_whoever_looks_first(waiting: list[int], data: st.DataObject) -> None:
    time = Time()
    quota = quota_at(time)
    started: list[tuple[float, int]] = []
    with ExitStack() as line:
        places = [(line.enter_context(quota.in_line(size)), size) for size in waiting]
        while len(started) < len(waiting):
            looking = data.draw(st.permutations([each for each in places if each[0].started_at == inf]))
            waits = [(quota.start(place), size) for place, size in looking]
            started += [(time.now, size) for wait, size in waits if not wait]
            time.now += min((wait for wait, _ in waits if wait), default=0)
    starts = [place.started_at for place, _ in places]
    assert starts == sorted(starts)
    for minute in minutes_of(started):
        assert len(minute) <= REQUESTS
        assert sum(minute) <= TOKENS


def test_nothing_starts_before_the_server_wants_to_be_asked_again(time: Time) -> None:
    quota = quota_at(time)
    assert quota.slow_down(7.5) == 7.5
    assert wait_for(quota, 1) == 7.5
    time.now += 7.5
    assert wait_for(quota, 1) == 0


def test_after_a_refusal_half_may_start_for_a_minute(time: Time) -> None:
    quota = quota_at(time, requests_per_minute=100)
    quota.slow_down(10.0)
    time.now += 10.0
    assert [wait_for(quota, TOKENS // 2), wait_for(quota, 1)] == [0, MINUTE]
    time.now += MINUTE
    assert [wait_for(quota, TOKENS // 2), wait_for(quota, 1)] == [0, 1.0]


def test_refusals_that_say_no_time_are_waited_for_longer_each_time(time: Time) -> None:
    quota = quota_at(time)
    pauses = []
    for _ in range(6):
        pauses.append(quota.slow_down())
        time.now += pauses[-1]
    assert pauses == [5, 10, 20, 40, 60, 60]
    time.now += MINUTE
    assert quota.slow_down() == 5


def test_requests_refused_together_count_as_one_refusal(time: Time) -> None:
    quota = quota_at(time)
    assert [quota.slow_down(), quota.slow_down(2.0), quota.slow_down()] == [5, 5, 5]
    time.now += 5
    assert quota.slow_down() == 10


@given(st.lists(st.tuples(pauses, sizes, st.none() | st.just(0.0) | pauses), max_size=40))
def test_whatever_was_refused_the_wait_that_is_told_is_enough(steps: list[tuple[float, int, float | None]]) -> None:
    time = Time()
    quota = quota_at(time)
    for pause, tokens, refused in steps:
        time.now += pause
        start(quota, time, tokens)
        if refused is not None:
            assert quota.slow_down(refused) > 0


def test_threads_together_take_no_more_than_the_quota(time: Time) -> None:
    threads, quota = 8, quota_at(time, requests_per_minute=1000, tokens_per_minute=500)
    together = Barrier(threads)

    def takes() -> int:
        together.wait(timeout=30)
        return sum(wait_for(quota, 1) == 0 for _ in range(200))

    with ThreadPoolExecutor(threads) as pool:
        taken = [each.result() for each in [pool.submit(takes) for _ in range(threads)]]
    assert sum(taken) == 500
