"""HTML becomes its content: paragraphs, lists, tables and headings that stand where they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.block_text import collapse
from common.extraction.html import extract_html
from common.extraction.html_nesting import check_nesting
from common.extraction.xhtml import as_html
from common.model.chunks import Extraction


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | bytes], Extraction]:
    path = tmp_path_factory.mktemp("html") / "page"

    def extract(page: str | bytes) -> Extraction:
        path.write_bytes(page if isinstance(page, bytes) else page.encode("utf-8", "surrogatepass"))
        return extract_html(path, ExtractionLimits(), None)

    return extract


type Extract = Callable[[str | bytes], Extraction]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>One\n  two</p><p>Three<br>four</p>", "One two\n\nThree\nfour"),
        ("<p>a&nbsp;b &lt;c&gt; &#8364;</p>", "a b <c> €"),
        ("<p>so<b>me</b> <i>words</i> , soft&shy;hyphen</p>", "some words , softhyphen"),
        ("<div>a</div><div>b</div>c", "a\nb\nc"),
        ("<p>paid leave<sup><a href='#n1'>1</a></sup>, then", "paid leave, then"),
        ("<p>leave<a href='n.html#n1' role='doc-noteref'>[a]</a>", "leave"),
        ("<p>leave<a href='n.xhtml#n1' epub:type='noteref'>*</a>", "leave"),
        ("<p>leave<sup><a href='#c'><span>[</span>12]</a></sup>", "leave"),
        ("<p id=n1>A note. <a href='#r1'>↩</a> <a href='#r2' role='doc-backlink'>up</a>", "A note."),
        ("<p>see <a href='#s2'>2</a> and <sup><a href='#s2'>the second</a></sup>", "see 2 and the second"),
        (
            "<p>leave<sup>1</sup>, paid.<sup>[2]</sup> 5 km<sup>2</sup>, 10<sup>3</sup>, the 7<sup>th</sup>",
            "leave 1, paid. [2] 5 km2, 103, the 7th",
        ),
        ("<p>in <del>May</del><ins>June</ins>, <s>10</s> 9</p>", "in June, 10 9"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "- a\n- b\n  - c"),
        ("<ol start=3><li>a<li>b</ol><ol><li>c</ol>", "3. a\n4. b\n\n1. c"),
        ("<ol start=" + "9" * 5000 + "><li>a</ol>", "1. a"),
        ("<table><tr><th>A<th>B<tr><td>1<td>2<tr><td><td>3</table>", "A | B\n1 | 2\n | 3"),
        ("<table><tr><td><p>one</p><p>two</p><td>x</table>", "one two | x"),
        ("<table><tr><td><h2>Laid out</h2><p>text<td>side</table>", "Laid out\n\ntext\n\nside"),
        ("<p>code:</p><pre>\n  if x:\n\n    y\n</pre>", "code:\n\n  if x:\n\n    y"),
        ("<dl><dt>term<dd>meaning</dl>", "term\nmeaning"),
        ("a<script>var x</script><style>p{}</style><!-- no --><template>t</template>b", "ab"),
        ("", ""),
        ("just words", "just words"),
    ],
)
def test_the_text_is_laid_out(html: Extract, page: str, text: str) -> None:
    assert html(page).text == text


XML = "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<head><title/><style/><script src='a>b.js'/></head><body><p>words</p></body>", "words"),
        ("<body><p>a<br/>b <del/>c <a id='x'/>d</p><h2/><p>e</p></body>", "a\nb c d\n\ne"),
        ("<body><p>1 <![CDATA[< 2 & 3]]> > 0</p><p>x <![CDATA[y</p></body>", "1 < 2 & 3 > 0\n\nx"),
        ("<body><p>one<img alt='/>' src='a/b'/> two</p></body>", "one two"),
    ],
)
def test_elements_of_xhtml_end_in_their_own_tags(html: Extract, page: str, text: str) -> None:
    assert html(XML + page).text == text


@given(text=st.text(alphabet="<>/\"'ab =\n", max_size=60))
def test_what_was_made_html_of_xhtml_stays_as_it_is(text: str) -> None:
    assert as_html(as_html(text)) == as_html(text)


@pytest.mark.parametrize(
    "surrounding",
    [
        "<nav>Home News</nav>",
        "<footer>All rights reserved</footer>",
        "<div role=navigation>Home</div>",
        "<div class='sidebar'>Ads</div>",
        "<header><a href=/>Site</a></header>",
        "<aside>Related</aside>",
        "<form><input name=q><button>Search</button></form>",
        "<ul><li><a href=#a>A</a><li><a href=#b>B</a><li><a href=#c>C</a></ul>",
        "<p><a href=a.html>Previous</a> | <a href=b.html>Next</a></p>",
        "<a href=#x>¶</a>",
    ],
)
def test_what_surrounds_the_content_is_left_out(html: Extract, surrounding: str) -> None:
    content = "<p>" + "Words of the page itself. " * 30 + "</p>"
    expected = ("Words of the page itself. " * 30).strip()
    assert html(f"<body>{surrounding}<div>{content}</div>").text == expected
    assert html(f"<body><div>{content}</div>{surrounding}").text == expected


def test_the_main_element_is_taken_alone(html: Extract) -> None:
    page = f"<body><div>Banner</div><main><h1>T</h1><p>{'Long content. ' * 20}</p><header>in</header></main>"
    assert html(page).text == f"T\n\n{('Long content. ' * 20).strip()}\n\nin"


def test_a_page_that_is_all_surroundings_keeps_them(html: Extract) -> None:
    links = "".join(f"<li><a href=p{number}.html>Page number {number}</a>" for number in range(300))
    assert "Page number 299" in html(f"<body><nav><ul>{links}</ul></nav>").text


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title> The \n title </title><h1>H</h1>", "The title"),
        ("<title></title><h2>x</h2><h1>H &amp; I</h1>", "H & I"),
        ("<h2>x</h2>", None),
        ("<svg><title>icon</title></svg><h1>Real</h1>", "Real"),
    ],
)
def test_the_title_is_the_title_elements_or_the_first_h1(html: Extract, page: str, title: str | None) -> None:
    assert html(page).title == title


def test_headings_have_their_levels_and_places(html: Extract) -> None:
    page = (
        "<h1>One <a href=#one>#</a></h1><p>text<h3>Three <em>deep</em></h3><dl><dt>What is it?<dd>This.</dl>"
        "<p><b>A bold line alone</b></p><p><b>bold</b> and not</p><h2></h2><ul><li><h4>In a list</h4></ul>"
    )
    extraction = html(page)
    assert [(each.level, each.title) for each in extraction.headings] == [
        (1, "One"),
        (3, "Three deep"),
        (4, "What is it?"),
        (4, "A bold line alone"),
        (4, "In a list"),
    ]
    for heading in extraction.headings:
        assert extraction.text.startswith(f"{heading.title}", heading.char_start)
        assert heading.char_start == 0 or extraction.text[heading.char_start - 1] == "\n"


TAGS = ["p", "div", "h1", "h2", "ul", "ol", "li", "table", "tr", "td", "th", "b", "pre", "a", "dl", "dt", "dd", "br"]
TAGS += ["nav", "main", "section", "header", "aside", "form", "svg", "math", "template", "details", "summary", "select"]
parts = st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]) | st.sampled_from(
    [
        "word ",
        "\n",
        "<a href=#x>Next</a>",
        "<!--",
        "-->",
        "&#0;",
        "&#xD800;",
        "<",
        "is it so?",
        "<td a='",
        "\ud800",
        "\0",
    ]
)


@settings(max_examples=300)
@given(st.lists(parts, max_size=40).map("".join))
def test_any_markup_becomes_text_with_headings_in_their_places(html: Extract, page: str) -> None:
    extraction = html(page)
    assert "\0" not in extraction.text
    extraction.text.encode()
    assert extraction == html(page)
    places = [heading.char_start for heading in extraction.headings]
    assert places == sorted(set(places))
    for heading in extraction.headings:
        assert extraction.text.startswith(heading.title, heading.char_start)


@pytest.mark.parametrize("tag", ["div", "ul><li", "table><tr><td", "span", "blockquote", "section"])
def test_deep_nesting_is_read(html: Extract, tag: str) -> None:
    assert collapse(html(f"<{tag}>" * 2000 + "deep").text).endswith("deep")


def test_deep_lists_are_not_indented_without_end(html: Extract) -> None:
    assert len(html("<ul><li>a" * 2000).text) < 100_000


@pytest.mark.parametrize("page", ["<div>" * 100_000, "".join(f"<font color={n}><p>x" for n in range(20_000))])
def test_nesting_that_would_take_for_ever_is_refused(html: Extract, page: str) -> None:
    with pytest.raises(Permanent) as caught:
        html(page)
    assert caught.value.reason == "NESTED_TOO_DEEPLY"


@pytest.mark.parametrize(
    "page", ["<p>a" * 100_000, "<li>a<br>" * 50_000, "<div><b>a</b></div>" * 50_000, "</div>" * 9999]
)
def test_long_pages_of_closed_elements_are_not(page: str) -> None:
    check_nesting(page)


@pytest.mark.parametrize(
    "page",
    [
        "<meta charset=iso-8859-1><p>Größe".encode("cp1252"),
        b"<meta http-equiv=content-type content='text/html; charset=windows-1252'><p>" + "Größe".encode("cp1252"),
        "<?xml version='1.0' encoding='iso-8859-15'?><html><p>Größe".encode("iso-8859-15"),
        "<meta charset=utf-16><p>Größe".encode(),
        "<meta charset=shift_jis><p>Größe".encode("utf-16"),
        "<p>Größe".encode("utf-8-sig"),
    ],
)
def test_the_encoding_is_the_declared_one(html: Extract, page: bytes) -> None:
    extraction = html(page)
    assert (extraction.text, extraction.warnings) == ("Größe", ())


@pytest.mark.parametrize("limits", [ExtractionLimits(markup_bytes=20), ExtractionLimits(characters=10)])
def test_too_large_a_page_is_refused(tmp_path: Path, limits: ExtractionLimits) -> None:
    path = tmp_path / "page"
    path.write_text("<p>Some words too many.", encoding="utf-8")
    with pytest.raises(Permanent) as caught:
        extract_html(path, limits, None)
    assert caught.value.reason == "TOO_MUCH_TEXT"


@pytest.mark.parametrize(
    ("table", "headers"),
    [
        ("<tr><th>A<th>B<tr><td>1<td>2<tr><td>3<td>4", ["A | B"]),
        ("<thead><tr><td>A<td>B<tbody><tr><td>1<td>2", ["A | B"]),
        ("<tr><th>A<th>B<tr><th>x<th>y<tr><td>1<td>2<tr><th>C<th>D", ["A | B / x | y"]),
        ("<tr><th>A<td>1<tr><th>B<td>2", []),
        ("<tr><td><b>A</b><td><p><span><strong>B</strong></span></p><tr><td>1<td><b>2</b>", ["A | B"]),
        ("<tr><td><b>A</b><td><b>B</b><tr><td><b>1</b><td><b>2</b>", []),
        ("<tr><td><b>A</b><td>B<tr><td>1<td>2", []),
        ("<tr><td>1<td>2<tr><td><b>A</b><td><b>B</b><tr><td>3<td>4", []),
        ("<tr><th>A<th>B", []),
        ("<tr><td>1<td>2<tr><th>A<th>B<tr><td>1<td>2", []),
        ("<tr><th colspan=2>One<tr><td>1<td>2", []),
    ],
)
def test_a_tables_header_heads_its_rows(html: Extract, table: str, headers: list[str]) -> None:
    extraction = html(f"<h2>Over it</h2><p><b>A bold line alone</b></p><table>{table}</table><p>behind</p>")
    found = [each for each in extraction.headings if each.char_end is not None]
    assert [each.title for each in found] == headers
    for each in found:
        assert each.level == 4
        assert extraction.text[each.char_end :] == "\n\nbehind"
        assert extraction.text.startswith("A | B\n", each.char_start)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<ul><li>cook<li>clean</ul>", "- cook - clean"),
        ("<ol><li>cook<ul><li>well</ul><li></ol>", "1. cook - well"),
        ("<pre>a\n  b</pre>", "a b"),
        ("<dl><dt>x<dd>y</dl><blockquote>z</blockquote>", "x y z"),
        ("<table><tr><th>I<th>J<tr><td>k<td>l</table>m", "I J k l m"),
    ],
)
@pytest.mark.parametrize("head", ["<tr><th>A<th>B", "<thead><tr><td>A<td>B<tbody>", "<tr><td><b>A</b><td><b>B</b>"])
def test_lists_and_tables_in_a_cell_leave_the_row_and_its_header(
    html: Extract, head: str, cell: str, text: str
) -> None:
    extraction = html(f"<table>{head}<tr><td>1<td>{cell}<tr><td>2<td>3</table>")
    assert extraction.text == f"A | B\n1 | {text}\n2 | 3"
    assert [each.title for each in extraction.headings] == ["A | B"]


@pytest.mark.parametrize("first", ["<tr><th>A<th>B<tr><td><h2>Part</h2>", "<tr><th>A<td>", "<tr><td>A<td>B<tr><td>"])
def test_a_table_of_lists_without_names_of_columns_lays_out_its_page(html: Extract, first: str) -> None:
    assert "\n\n- cook\n- clean" in html(f"<table>{first}<ul><li>cook<li>clean</ul></table>").text
