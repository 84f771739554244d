from __future__ import annotations

import json

import pytest

from common.adapters.vertex.embedding_models import Route, embedding_model
from common.errors import ConfigurationError


@pytest.mark.parametrize(("name", "texts"), [("gemini-embedding-001", 1), ("text-embedding-005", 250)])
def test_the_known_models_need_no_settings(name: str, texts: int) -> None:
    model = embedding_model(name)
    assert (model.name, model.route, model.dimensions) == (name, Route.PREDICT, 768)
    assert (model.text_tokens, model.request_texts, model.request_tokens) == (2048, texts, 20_000)
    assert (model.document_task, model.question_task) == ("RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY")


def test_what_differs_is_stated_and_the_rest_is_known() -> None:
    model = embedding_model("gemini-embedding-001", '{"request_texts": 8, "dimensions": 1536}')
    assert (model.request_texts, model.dimensions, model.text_tokens) == (8, 1536, 2048)


def test_another_model_is_stated_whole() -> None:
    model = embedding_model("gemini-embedding-2", '{"route": "embed_content", "dimensions": 768, "text_tokens": 8192}')
    assert (model.name, model.route, model.request_texts) == ("gemini-embedding-2", Route.EMBED_CONTENT, 1)
    assert (model.document_task, model.question_task) == ("", "")


@pytest.mark.parametrize(
    ("name", "spec", "complaint"),
    [
        ("no-such-model", "", "route"),
        ("no-such-model", '{"route": "predict", "dimensions": 768}', "text_tokens"),
        ("text-embedding-005", "{", "JSON"),
        ("text-embedding-005", "[]", "object"),
        ("text-embedding-005", '{"dimensions": 0}', r"dimensions"),
        ("text-embedding-005", '{"dimension": 768}', "dimension"),
        ("text-embedding-005", '{"route": "embedContent"}', "embedContent"),
        ("text-embedding-005", '{"route": "embed_content"}', "request_texts must be 1"),
    ],
)
def test_what_is_missing_or_wrong_is_named_with_the_setting(name: str, spec: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=f"AI_INFRA_EMBEDDING_MODEL is {name}, .*_SPEC must .*{complaint}"):
        embedding_model(name, spec)


def test_the_name_is_the_setting_s_own() -> None:
    assert embedding_model("text-embedding-005", json.dumps({"name": "another"})).name == "text-embedding-005"
