"""Trace context as the standard has it, and which work belongs to which trace."""

from __future__ import annotations

import pytest

from common import tracing
from common.model.documents import StoredObject
from common.registration import object_trace, stored_trace
from common.tracing import Trace, bind, continued, current, named, parsed, scope

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def stored(generation: int = 7, **metadata: str) -> StoredObject:
    return StoredObject("documents", "acme/docs/a.md", generation, 1, metadata=metadata)


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"00-{TRACE}-{SPAN}-02", False),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", True),
    ],
)
def test_a_trace_that_was_handed_on_is_gone_on_with_in_a_span_of_its_own(text: str, sampled: bool) -> None:
    found = parsed(text)
    assert found is not None
    assert (found.trace_id, found.sampled) == (TRACE, sampled)
    assert found.span_id != SPAN
    assert found.traceparent == f"00-{TRACE}-{found.span_id}-{int(sampled):02}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no trace",
        f"ff-{TRACE}-{SPAN}-00",
        f"00-{'0' * 32}-{SPAN}-00",
        f"00-{TRACE}-{'0' * 16}-00",
        f"00-{TRACE.upper()}-{SPAN}-00",
        f"00-{TRACE}-{SPAN}-00-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-00\n",
        f"cc-{TRACE}-{SPAN}-00x",
    ],
)
def test_what_the_standard_does_not_allow_begins_a_new_trace(text: str) -> None:
    assert parsed(text) is None
    first, second = continued(text), continued(text)
    assert TRACE not in {first.trace_id, second.trace_id}
    assert first.trace_id != second.trace_id
    assert parsed(first.traceparent) is not None


def test_a_name_is_one_trace_for_everybody() -> None:
    assert named("a").trace_id == named("a").trace_id != named("b").trace_id
    assert parsed(named("a").traceparent) is not None


def test_work_belongs_to_its_trace_and_to_none_afterwards() -> None:
    outer, inner, bound = Trace(TRACE, SPAN), named("inner"), named("bound")
    with scope(outer):
        with scope(inner):
            assert current() == inner
            bind(bound)
            assert current() == bound
        assert current() == outer
    assert current() is None


def test_a_generation_has_a_trace_of_its_own_unless_its_uploader_noted_one() -> None:
    own = stored_trace(stored()).trace_id
    assert own == object_trace("documents", "acme/docs/a.md", 7).trace_id
    assert own != stored_trace(stored(8)).trace_id
    assert own == stored_trace(stored(traceparent="nonsense")).trace_id
    assert stored_trace(stored(traceparent=f"00-{TRACE}-{SPAN}-00")).trace_id == TRACE


def test_a_new_trace_is_not_sampled() -> None:
    assert not tracing.continued(None).sampled
