"""Questions: the answer's shape, its quotes, its refusals, and the log of it."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

import pytest

from common.api_keys import question_hash
from tests.functions.caller import Caller
from tests.functions.installation import PEPPERS, Installation
from tests.functions.texts import HANDBOOK, pdf

TALL, PAINTS = "How tall is the tower?", "Who paints the tower?"
OFF_TOPIC = "Which currency does Mongolia use?"
CITATION = {
    "rank": int,
    "score": float,
    "chunk_id": str,
    "document_id": str,
    "title": str,
    "page_start": int,
    "page_end": int,
    "char_start": int,
    "char_end": int,
    "quote": str,
    "quote_verified": bool,
    "start_index": int,
    "end_index": int,
    "url": str,
}
ANSWER = {
    "id": str,
    "answer": str,
    "grounded": bool,
    "refusal_reason": type(None),
    "citations": list,
    "retrieval": dict,
    "usage": dict,
    "model": str,
    "latency_ms": int,
}
PAGES = (
    "The harbour office\n\nThe harbour office opens at six in the morning on weekdays.",
    "Harbour dues\n\nA sailing boat of ten metres pays twelve crowns for a night in the harbour.",
    "Storm signals\n\nA black ball on the mast of the harbour office warns of a gale from the west.",
)


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Caller:
    installation.project("acme", "docs")
    installation.project("acme", "empty")
    return installation.caller("acme")


@pytest.fixture(scope="module")
def handbook(installation: Installation, acme: Caller) -> dict[str, Any]:
    return installation.ingest("acme/docs/handbook.md", HANDBOOK).content


@pytest.fixture(scope="module")
def harbour(installation: Installation, acme: Caller) -> dict[str, Any]:
    return installation.ingest("acme/docs/harbour.pdf", pdf(*PAGES)).content


def types(content: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in content.items()}


def log_of(installation: Installation, answer: dict[str, Any]) -> dict[str, Any]:
    return installation.row("select * from query_logs where id = :id", id=answer["id"])


def test_an_answer_has_the_shape_that_is_promised(acme: Caller, handbook: dict[str, Any]) -> None:
    answer = acme.ask("docs", TALL)
    assert types(answer) == ANSWER
    assert UUID(answer["id"])
    assert answer["grounded"] is True
    assert answer["citations"]
    for citation in answer["citations"]:
        assert types(citation) == CITATION
        assert citation["quote_verified"] is True
    assert types(answer["retrieval"]) == {"retrieved": int, "used": int, "dropped_for_budget": int}
    assert types(answer["usage"]) == {"prompt_tokens": int, "completion_tokens": int}
    best = answer["citations"][0]
    assert "43 metres" in answer["answer"]
    assert (best["document_id"], best["title"]) == (handbook["document_id"], "handbook.md")
    assert best["url"].endswith("/acme/docs/handbook.md")


@pytest.mark.parametrize(
    ("question", "page"),
    [
        (TALL, 1),
        ("What does a sailing boat of ten metres pay for a night?", 2),
        ("What warns of a gale from the west?", 3),
    ],
)
def test_every_quote_stands_where_its_citation_says(
    acme: Caller, handbook: dict[str, Any], harbour: dict[str, Any], question: str, page: int
) -> None:
    answer = acme.ask("docs", question, min_score=0)
    assert answer["citations"]
    for citation in answer["citations"]:
        document = acme.get(f"/v1/documents/{citation['document_id']}/text")
        text, starts = document["text"], document["page_starts"]
        assert text[citation["char_start"] : citation["char_end"]] == citation["quote"]
        pages = [
            sum(start <= place for start in starts) for place in (citation["char_start"], citation["char_end"] - 1)
        ]
        assert [citation["page_start"], citation["page_end"]] == pages
        supported = answer["answer"][citation["start_index"] : citation["end_index"]]
        assert supported == " ".join(citation["quote"].split())
        assert answer["answer"][citation["end_index"] :].startswith(f" [{citation['rank']}]")
    assert answer["citations"][0]["page_start"] == page


def test_a_project_without_live_documents_is_said_to_be_empty(installation: Installation, acme: Caller) -> None:
    installation.register("acme/empty/waiting.md", HANDBOOK)
    answer = acme.ask("empty", TALL)
    assert (answer["answer"], answer["grounded"], answer["refusal_reason"]) == ("", False, "PROJECT_EMPTY")
    assert (answer["citations"], answer["retrieval"]) == ([], {"retrieved": 0, "used": 0, "dropped_for_budget": 0})
    assert answer["usage"] == {"prompt_tokens": None, "completion_tokens": None}
    assert log_of(installation, answer)["used_rag"] is False


def test_a_question_that_nothing_fits_is_refused(installation: Installation, acme: Caller, handbook: object) -> None:
    answer = acme.ask("docs", OFF_TOPIC)
    assert (answer["answer"], answer["grounded"]) == ("", False)
    assert (answer["refusal_reason"], answer["citations"]) == ("NO_RELEVANT_CONTEXT", [])
    log = log_of(installation, answer)
    assert (log["refusal_reason"], log["used_rag"]) == ("NO_RELEVANT_CONTEXT", answer["retrieval"]["used"] > 0)
    assert installation.rows("select 1 from query_citations where query_id = :id", id=answer["id"]) == []


def test_an_answered_question_is_logged_with_its_citations(
    installation: Installation, acme: Caller, handbook: dict[str, Any]
) -> None:
    answered = acme(
        "POST", "/v1/projects/docs:query", json={"question": TALL, "top_k": 5}, headers={"X-Request-Id": "q-1"}
    )
    answer = answered.json
    assert answer is not None
    log = log_of(installation, answer)
    assert log["question_hash"] == question_hash(TALL, PEPPERS[1])
    assert (log["used_rag"], log["top_k"], log["request_id"]) == (True, 5, "q-1")
    assert (log["refusal_reason"], log["error"]) == (None, None)
    assert str(log["project_id"]) == handbook["project_id"]
    assert str(log["team_id"]) == handbook["team_id"]
    key = installation.row("select id from api_keys where key_id = :id", id=acme.key.split("_")[1])
    assert log["api_key_id"] == key["id"]
    assert (log["model"], log["latency_ms"]) == (answer["model"], answer["latency_ms"])
    assert {name: log[name] for name in answer["usage"]} == answer["usage"]
    assert {name: log[name] for name in ("retrieved", "used")} == {
        name: answer["retrieval"][name] for name in ("retrieved", "used")
    }
    rows = installation.rows("select chunk_id, rank, score from query_citations where query_id = :id", id=answer["id"])
    cited = {(citation["chunk_id"], citation["rank"], citation["score"]) for citation in answer["citations"]}
    assert {(str(row["chunk_id"]), row["rank"], row["score"]) for row in rows} == cited


def test_no_question_is_kept_in_words(installation: Installation, acme: Caller, handbook: object) -> None:
    acme.ask("docs", "Where is the unmistakable xylophone?")
    logs = str(installation.rows("select * from query_logs"))
    assert "xylophone" not in logs


def test_a_failed_question_is_logged_too(installation: Installation, acme: Caller, handbook: object) -> None:
    installation.rows("revoke select on chunk_texts from ai_infra_api")
    try:
        answered = acme(
            "POST", "/v1/projects/docs:query", json={"question": PAINTS}, headers={"X-Request-Id": "failing"}
        )
    finally:
        installation.rows("grant select on chunk_texts to ai_infra_api")
    assert answered.status_code == 500
    log = installation.row("select * from query_logs where request_id = 'failing'")
    assert (log["question_hash"], log["used_rag"]) == (question_hash(PAINTS, PEPPERS[1]), False)
    assert log["error"]
    assert "paints" not in log["error"]


@pytest.mark.parametrize("question", [TALL, OFF_TOPIC])
def test_a_stream_ends_with_the_whole_answer(
    installation: Installation, acme: Caller, handbook: object, question: str
) -> None:
    answered = acme("POST", "/v1/projects/docs:query", json={"question": question, "stream": True}, buffered=False)
    assert (answered.status_code, answered.mimetype) == (200, "text/event-stream")
    assert answered.headers["X-Request-Id"]
    logged = "select id from query_logs where request_id = :id"
    log = installation.row(logged, id=answered.headers["X-Request-Id"])
    events = re.findall(r"event: (\w+)\ndata: (.*)\n\n", answered.text)
    assert "".join(f"event: {name}\ndata: {data}\n\n" for name, data in events) == answered.text
    *deltas, (last, result) = events
    whole = json.loads(result)
    assert last == "result"
    assert types(whole).keys() == ANSWER.keys()
    assert whole["id"] == str(log["id"])
    assert {name for name, _ in deltas} == ({"delta"} if whole["grounded"] else set())
    assert "".join(json.loads(data)["text"] for _, data in deltas) == whole["answer"]


def test_a_filter_leaves_the_named_documents_only(
    acme: Caller, handbook: dict[str, Any], harbour: dict[str, Any]
) -> None:
    for content in (handbook, harbour):
        answer = acme.ask("docs", TALL, min_score=0, top_k=50, filter={"document_ids": [content["document_id"]]})
        assert {citation["document_id"] for citation in answer["citations"]} == {content["document_id"]}
    both = acme.ask("docs", TALL, filter={"document_ids": [handbook["document_id"], harbour["document_id"]]})
    assert both["retrieval"]["retrieved"] > answer["retrieval"]["retrieved"]


def test_a_filter_by_a_document_that_is_not_there_finds_nothing(acme: Caller, handbook: object) -> None:
    answer = acme.ask("docs", TALL, filter={"document_ids": ["00000000-0000-4000-8000-000000000000"]})
    assert (answer["refusal_reason"], answer["retrieval"]["retrieved"]) == ("NO_RELEVANT_CONTEXT", 0)


@pytest.fixture(scope="module")
def towers(installation: Installation, acme: Caller) -> dict[str, str]:
    """Documents that all answer alike, by the year noted on each; the ids."""
    installation.project("acme", "towers")
    made = {}
    for year in ("2024", "2025", "2026"):
        told = {"year": year, "kind": "handbook"}
        created = acme.post("/v1/projects/towers/documents", title=f"{year}.md", text=HANDBOOK, metadata=told)
        made[year] = created["id"]
    installation.run()
    return made


def cited(acme: Caller, **wanted: object) -> set[str]:
    answer = acme.ask("towers", TALL, min_score=0, top_k=50, filter=wanted)
    return {citation["document_id"] for citation in answer["citations"]}


def test_only_documents_that_carry_all_of_the_metadata_answer(acme: Caller, towers: dict[str, str]) -> None:
    for year, document in towers.items():
        assert cited(acme, metadata={"year": year}) == cited(acme, metadata={"year": year, "kind": "handbook"})
        assert cited(acme, metadata={"year": year}) == {document}
    answer = acme.ask("towers", TALL, top_k=50, filter={"metadata": {"kind": "handbook"}})
    whole = acme.ask("towers", TALL, top_k=50)
    assert answer["retrieval"] == whole["retrieval"]
    assert cited(acme, metadata={"year": "2025"}, document_ids=list(towers.values())) == {towers["2025"]}


@pytest.mark.parametrize(
    "metadata", [{"year": "2023"}, {"Year": "2024"}, {"year": "2024", "kind": "leaflet"}, {"unknown": "2024"}]
)
def test_metadata_that_no_document_carries_finds_nothing(
    acme: Caller, towers: dict[str, str], metadata: dict[str, str]
) -> None:
    answer = acme.ask("towers", TALL, min_score=0, filter={"metadata": metadata})
    assert (answer["refusal_reason"], answer["retrieval"]["retrieved"]) == ("NO_RELEVANT_CONTEXT", 0)
    others = acme.ask("towers", TALL, filter={"metadata": {"year": "2024"}, "document_ids": [towers["2026"]]})
    assert (others["refusal_reason"], others["retrieval"]["retrieved"]) == ("NO_RELEVANT_CONTEXT", 0)


def test_another_team_s_metadata_answers_nothing(
    installation: Installation, acme: Caller, towers: dict[str, str]
) -> None:
    installation.project("rivals", "towers")
    installation.ingest("rivals/towers/handbook.md", HANDBOOK)
    answer = installation.caller("rivals").ask("towers", TALL, min_score=0, filter={"metadata": {"year": "2024"}})
    assert (answer["refusal_reason"], answer["retrieval"]["retrieved"]) == ("NO_RELEVANT_CONTEXT", 0)
    assert cited(acme, metadata={"year": "2024"}) == {towers["2024"]}


@pytest.mark.parametrize("top_k", [1, 2, 50])
def test_no_more_passages_than_top_k_are_used(acme: Caller, handbook: object, harbour: object, top_k: int) -> None:
    retrieval = acme.ask("docs", TALL, top_k=top_k)["retrieval"]
    assert retrieval["retrieved"] == min(top_k, 6)
    assert retrieval["used"] == retrieval["retrieved"] - retrieval["dropped_for_budget"]


def test_min_score_decides_what_is_answered(acme: Caller, handbook: object) -> None:
    assert acme.ask("docs", TALL, min_score=0)["grounded"] is True
    assert acme.ask("docs", TALL, min_score=1)["refusal_reason"] == "NO_RELEVANT_CONTEXT"
    assert acme.ask("docs", OFF_TOPIC, min_score=0)["grounded"] is True


def test_a_projects_own_settings_hold_where_the_question_says_nothing(installation: Installation, acme: Caller) -> None:
    installation.project("acme", "strict")
    installation.rows("""update projects set settings = '{"min_score": 1.0, "top_k": 1}' where name = 'strict'""")
    installation.ingest("acme/strict/handbook.md", HANDBOOK)
    answer = acme.ask("strict", TALL)
    assert (answer["refusal_reason"], answer["retrieval"]["retrieved"]) == ("NO_RELEVANT_CONTEXT", 1)
    answer = acme.ask("strict", TALL, min_score=0, top_k=2)
    assert (answer["grounded"], answer["retrieval"]["retrieved"]) == (True, 2)


def test_a_prompts_budget_drops_the_last_passages(installation: Installation, acme: Caller, handbook: object) -> None:
    api = installation.create("api", login="api", prompt_tokens="100")["api"]
    retrieval = Caller(api, acme.key).ask("docs", TALL, top_k=5)["retrieval"]
    assert retrieval["retrieved"] == 5
    assert retrieval["used"] >= 1
    assert retrieval["dropped_for_budget"] == 5 - retrieval["used"] > 0


def test_max_tokens_bounds_the_answer(acme: Caller, handbook: object) -> None:
    whole = acme.ask("docs", TALL)
    short = acme.ask("docs", TALL, max_tokens=20)
    assert short["usage"]["completion_tokens"] <= 20 < whole["usage"]["completion_tokens"]
    assert short["citations"]


def test_an_old_generation_never_answers_beside_the_new(installation: Installation, acme: Caller) -> None:
    installation.project("acme", "versions")
    name = "acme/versions/tower.md"
    old = installation.ingest(name, HANDBOOK).content
    assert "43 metres" in acme.ask("versions", TALL)["answer"]
    registered = installation.register(name, HANDBOOK.replace("43", "99"))
    assert "43 metres" in acme.ask("versions", TALL)["answer"]
    installation.deliver("chunk", registered.body)
    installation.run()
    answer = acme.ask("versions", TALL, min_score=0, top_k=50)
    assert "99 metres" in answer["answer"]
    assert "43 metres" not in answer["answer"]
    rows = installation.rows("select id from document_chunks where job_id = :job", job=old["job_id"])
    assert not {str(row["id"]) for row in rows} & {citation["chunk_id"] for citation in answer["citations"]}


@pytest.mark.parametrize(
    "question", ["\ud800?", "a\x00b", "?", "the of and", "🗼" * 50, "tower " * 600, "'\"; drop table --"]
)
def test_a_strange_question_is_answered_or_refused(acme: Caller, handbook: object, question: str) -> None:
    body = json.dumps({"question": question})
    answered = acme("POST", "/v1/projects/docs:query", data=body, content_type="application/json")
    assert answered.status_code in {200, 400}, answered.text
    if answered.status_code == 400:
        assert answered.json is not None
        assert answered.json["error"]["details"][0]["metadata"]["field"] in {"question", "body"}
