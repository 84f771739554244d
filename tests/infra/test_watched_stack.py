"""A run of the stack whose log lines are kept: every metric finds lines of its own, and every trace is one.

Profile `local` pays for no tokens of embeddings: that metric finds its lines in profile `gcp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from common.config import Profile
from local.ports import LOOPBACK
from local.settings import PROJECT
from local.stack import Stack, StackOptions
from tests.conftest import show
from tests.firestore import skip_without_firestore
from tests.infra.log_query import extractor, query
from tests.infra.terraform import state_of
from tests.infra.test_monitoring import runbook_queries
from tests.infra.watched import Emulator, Entry, Watched, use


@pytest.fixture(scope="module", params=[Profile.LOCAL, pytest.param(Profile.GCP, marks=pytest.mark.full)])
def profile(request: pytest.FixtureRequest) -> Profile:
    return Profile(request.param)


@pytest.fixture(scope="module")
def watched(profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    if profile is Profile.GCP:
        skip_without_firestore()
    options = StackOptions(
        profile=profile,
        data=tmp_path_factory.mktemp("watched"),
        durable=False,
        schedule_seconds=0.5,
        settings={"log_format": "json", "question_seconds": "5", "purge_grace_seconds": "6"},
        log=show,
    )
    with Stack(options) as stack, grpc.insecure_channel(f"{LOOPBACK}:{stack.ports['pubsub']}") as channel:
        emulator = Emulator(stack, channel)
        emulator.hurry("chunk")
        yield use(stack, emulator)


def trace_ids(found: list[Entry]) -> set[str]:
    return {each["trace"] for each in found}


def named(trace: str) -> str:
    return f"projects/{PROJECT}/traces/{trace.split('-')[1]}"


METRICS = [
    "registered", "documents_ready", "ingest_seconds", "jobs_failed", "dead_letters", "unrouted", "delivery_failures",
    "embedding_tokens", "questions", "question_latency", "prompt_tokens", "completion_tokens", "reconciled_jobs",
]  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_finds_lines_and_takes_its_labels_and_value_from_each(
    watched: Watched, profile: Profile, name: str
) -> None:
    metric = state_of("vertex").of("google_logging_metric.this")[name]
    found = list(filter(query(metric["filter"]), watched.entries))
    assert bool(found) is (name != "embedding_tokens" or profile is Profile.GCP), metric["filter"]
    labels = {label["key"] for label in metric["metric_descriptor"][0]["labels"]}
    assert (metric["label_extractors"] or {}).keys() == labels
    for entry in found:
        for extract in (metric["label_extractors"] or {}).values():
            assert extractor(extract)(entry), (extract, entry)
        if metric["value_extractor"]:
            assert float(extractor(metric["value_extractor"])(entry) or "nothing") >= 0


def test_there_is_no_metric_but_these() -> None:
    assert set(state_of("vertex").of("google_logging_metric.this")) == set(METRICS)


def test_no_line_of_an_event_is_counted_by_no_metric_but_those_that_are_no_news(watched: Watched) -> None:
    events = {each["jsonPayload"]["event"] for each in watched.entries if "event" in each["jsonPayload"]}
    filters = [query(each["filter"]) for each in state_of("vertex").of("google_logging_metric.this").values()]
    counted = {
        each["jsonPayload"]["event"]
        for each in watched.entries
        if "event" in each["jsonPayload"] and any(matches(each) for matches in filters)
    }
    assert events - counted <= {"message_deferred", "job_superseded", "document_unchanged", "deletion_completed"}


def test_the_runbooks_queries_find_what_they_are_for(watched: Watched, profile: Profile, root: Path) -> None:
    missing = {"message_deferred"} if profile is Profile.GCP else {"message_deferred", "embedded"}
    asked = [
        text
        for text in runbook_queries(root)
        if "jsonPayload.event=" in text and not any(f'"{event}"' in text for event in missing)
    ]
    assert [text for text in asked if not any(map(query(text), watched.entries))] == []


def test_numbers_stay_numbers(watched: Watched) -> None:
    [ready] = [each["jsonPayload"] for each in watched.of("document_ready", document_id=watched.document["id"])]
    assert (type(ready["chunks"]), type(ready["seconds"]), ready["pages"]) == (int, float, 1)
    [kept] = [each["jsonPayload"] for each in watched.of("dead_letter_kept", reason="UNDELIVERABLE")]
    assert (kept["mattered"], kept["subscription"]) == (True, "chunk")


def test_the_lines_of_a_document_from_upload_to_ready_are_of_one_trace(watched: Watched, profile: Profile) -> None:
    lines = watched.about(watched.document)
    functions = {"intake", "record"} if profile is Profile.LOCAL else {"intake", "embed", "record"}
    assert {each["jsonPayload"]["function"] for each in lines} >= functions
    assert len(trace_ids(lines)) == 1


def test_a_document_of_the_api_goes_on_with_its_callers_trace(watched: Watched) -> None:
    lines = watched.about(watched.manual)
    assert {each["jsonPayload"]["function"] for each in lines} >= {"api", "record"}
    assert trace_ids(lines) == {named(watched.created_in)}


def test_a_message_keeps_its_trace_into_the_dead_letters(watched: Watched) -> None:
    failed = [each for each in watched.of("message_failed") if each["trace"] == named(watched.poison)]
    assert [each["jsonPayload"]["attempt"] for each in failed] == [1, 2, 3, 4, 5]
    [kept] = watched.of("dead_letter_kept", reason="UNDELIVERABLE")
    assert kept["trace"] == named(watched.poison)


def test_a_question_has_one_trace_and_says_whose_it_was(watched: Watched) -> None:
    [answered] = watched.of("question_answered", outcome="ANSWERED")
    assert (answered["trace"], answered["traceSampled"]) == (named(watched.asked_in), True)
    assert {"team_id", "request_id", "model", "latency_ms"} <= answered["jsonPayload"].keys()
    [refused] = watched.of("question_answered", outcome="NO_RELEVANT_CONTEXT")
    assert refused["trace"] != answered["trace"]


def test_every_line_names_its_function_severity_and_trace(watched: Watched) -> None:
    for entry in watched.entries:
        assert {"trace", "spanId", "severity"} <= entry.keys(), entry
        assert entry["jsonPayload"]["function"].replace("_", "-") in entry["resource"]["labels"]["service_name"]
