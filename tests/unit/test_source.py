"""JSON and XML stay their source, readable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.extraction import ExtractionLimits
from common.extraction.mime_types import JSON, JSON_LINES, XML
from common.extraction.source import extract_json
from tests.unit.packed_files import read


def text_of(path: Path, content: str | bytes) -> tuple[str, str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    extraction = read(path)
    return extraction.mime_type, extraction.text


def test_json_keeps_its_lines_and_loses_its_escapes(tmp_path: Path) -> None:
    source = '{\n  "a": "Gr\\u00fc\\u00dfe \\ud83d\\ude00",\n  "b": "one\\ntwo \\"x\\" \\\\ c:\\/d"\n}\n'
    assert text_of(tmp_path / "f", source) == (JSON, '{\n  "a": "Grüße 😀",\n  "b": "one\ntwo "x" \\ c:/d"\n}\n')
    assert text_of(tmp_path / "f", '["\\ud800 \\u0000x", "\\\\u00fc"]') == (JSON, '[" x", "\\u00fc"]')


def test_json_on_one_line_gets_lines(tmp_path: Path) -> None:
    words = "word " * 500
    _, text = text_of(tmp_path / "f", f'{{"a":[1,{{"b":"c,{{}}"}}],"d":"{words}","e":[]}}')
    assert text == (
        f'{{\n  "a":[\n    1,\n    {{\n      "b":"c,{{}}"\n    }}\n  ],\n  "d":"{words}",\n  "e":[\n    \n  ]\n}}'
    )


def test_lines_of_json_stay_lines(tmp_path: Path) -> None:
    assert text_of(tmp_path / "f", '{"a": 1}\n{"a": [2]}\n') == (JSON_LINES, '{"a": 1}\n{"a": [2]}\n')


def test_json_may_be_deeper_than_a_parser_would_follow(tmp_path: Path) -> None:
    mime_type, text = text_of(tmp_path / "f", "[" * 2_000 + "7" + "]" * 2_000)
    assert mime_type == JSON
    assert "".join(text.split()) == "[" * 2_000 + "7" + "]" * 2_000


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]))
VALUES = st.recursive(TEXTS | st.integers() | st.none(), lambda each: st.lists(each) | st.dictionaries(TEXTS, each))


@given(VALUES)
def test_json_keeps_each_word(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "words.json"
    path.write_text(json.dumps({"padding": "x" * 3000, "value": value}), encoding="utf-8")
    text = extract_json(path, ExtractionLimits(), None).text
    expected = json.dumps(value, ensure_ascii=False)
    letters = [each for each in expected if each.isalnum()]
    assert [each for each in text.replace("x" * 3000, "") if each.isalnum()] == [*"paddingvalue", *letters]


def test_xml_keeps_its_source_with_references_resolved_and_entities_left(tmp_path: Path) -> None:
    source = (
        '<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>\n'
        '<a n="x &amp; y">&b; gr&#252;&#xdf; \xfc &lt;</a>\n'
    )
    mime_type, text = text_of(tmp_path / "f", source.encode("latin-1"))
    assert mime_type == XML
    assert text.endswith('<a n="x & y">&b; grüß ü <</a>\n')


def test_a_thousand_million_laughs_are_not_laughed(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    source = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "ha">{entities}]><l>&l9;</l>'
    assert len(text_of(tmp_path / "f", source)[1]) < 2 * len(source)


def test_xml_on_one_line_gets_lines(tmp_path: Path) -> None:
    _, text = text_of(tmp_path / "f", "<r>" + "<b>word</b><c/>" * 300 + "</r>")
    assert text.startswith("<r>\n<b>word</b>\n<c/>\n<b>word</b>")
    assert text.count("word") == 300


def test_references_to_no_character_are_marked(tmp_path: Path) -> None:
    _, text = text_of(tmp_path / "f", "<?xml version='1.0'?><a>&#0;&#55296;&#x110000;x</a>")
    assert text == "<?xml version='1.0'?><a>\ufffd\ufffd\ufffdx</a>"
