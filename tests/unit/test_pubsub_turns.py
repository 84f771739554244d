"""Turns: no source waits behind all that another has, and none waits for ever."""

from __future__ import annotations

from heapq import heappop, heappush

from hypothesis import given
from hypothesis import strategies as st

from local.pubsub.turns import Turns

COMING = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=8)


def served(rounds: list[list[str | None]], turns: Turns) -> list[tuple[str | None, int, int]]:
    """Source, number and the message that it was served as, where of each round one is served and the rest at last."""
    queue: list[tuple[int, int]] = []
    sources: list[str | None] = []
    order: list[tuple[str | None, int, int]] = []

    def serve() -> None:
        turn, number = heappop(queue)
        turns.take(turn)
        order.append((sources[number], number, len(order)))

    for coming in rounds:
        for source in coming:
            heappush(queue, (turns.next(source), len(sources)))
            sources.append(source)
        if queue:
            serve()
    while queue:
        serve()
    return order


def test_a_few_do_not_wait_behind_many() -> None:
    order = served([["large"] * 1000, ["small"], ["other", "other"]], Turns())
    places = {(source, number): place for source, number, place in order}
    assert max(place for (source, _), place in places.items() if source != "large") <= 6


def test_as_many_as_can_be_served_do_not_keep_a_source_waiting_for_ever() -> None:
    newcomers: list[list[str | None]] = [[None]] * 1000
    order = served([["large"] * 20, *newcomers], Turns())
    assert max(place for source, _, place in order if source == "large") <= sum(range(1, 22))


@given(st.lists(COMING, max_size=20))
def test_a_source_s_messages_keep_their_order(rounds: list[list[str | None]]) -> None:
    order = served(rounds, Turns(7))
    assert len(order) == sum(map(len, rounds))
    for source in ("a", "b", "c"):
        numbers = [number for each, number, _ in order if each == source]
        assert numbers == sorted(numbers)


@given(st.integers(1, 5), st.integers(1, 30))
def test_sources_that_all_have_enough_get_the_same(sources: int, each: int) -> None:
    names: list[str | None] = [str(name) for name in range(sources) for _ in range(each)]
    order = [source for source, _, _ in served([names], Turns())]
    for begin in range(0, len(order), sources):
        assert len(set(order[begin : begin + sources])) == sources
