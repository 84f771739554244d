"""What surrounds the content of an HTML page: navigation, banners, side bars, tables of contents, link bars."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

_SURROUNDING = ", ".join(
    (
        "nav, footer",
        "[role=navigation], [role=banner], [role=contentinfo], [role=search], [role=complementary], [aria-hidden=true]",
        ".sphinxsidebar, .headerlink, .anchorjs-link, .permalink, .linenos, .lineno, .docnav, .navheader, .navfooter",
        ".navbar, .navigation, .nav, .menu, .sidebar, .breadcrumb, .breadcrumbs, .skip-link, .skiplink, .noprint",
        ".mobile-nav, .searchmenu, .site-footer, .site-header, .cookie-banner, .mw-editsection, .pagination, .toc",
        "#toc, #table-of-contents, #sidebar, #footer, #nav, #navigation, #navbar, #menu, #breadcrumbs, #global-nav",
    )
)
_PAGE = "body, main, article, [role=main]"
_HEADING = "h1, h2, h3"
_CONTENT_OF_FORM = "h1, h2, h3, main, article, p + p, pre"
_PERMALINKS = frozenset(["¶", "#", "§", "🔗", "⚓", "∞"])
_TO_OTHER_PAGES = frozenset(
    "previous,prev,next,up,home,top,back,contents,index,modules,table of contents,back to top,"  # noqa: SIM905 - words in lines
    "previous page,next page,previous topic,next topic,previous chapter,next chapter,general index,"
    "module index".split(",")
)
_NO_LETTERS = re.compile(r"[\W\d_]+")
_LONGEST_BAR = 300
_LEAST_CONTENTS = 3


class Surroundings:
    """Of one tree: which of its elements are no content."""

    def __init__(self, root: LexborNode) -> None:
        self._found = {node.mem_id for node in root.css(_SURROUNDING) if node.css_first(_PAGE) is None}
        self._found.update(_link_bars(root))
        self._found.update(_site_banner(root))
        self._within_main: dict[int, bool] = {}

    def hold(self, node: LexborNode, tag: str) -> bool:
        """True if this element, whose ancestors are content, is not."""
        if node.mem_id in self._found:
            return True
        if tag in {"ul", "ol", "dl"}:
            return _is_table_of_contents(node)
        if tag == "a":
            return _is_permalink(node)
        if tag == "form":
            return node.css_first(_CONTENT_OF_FORM) is None
        if tag == "header":
            return not self._is_within_main(node) and node.css_first(_HEADING) is None
        return tag == "aside" and not self._is_within_main(node)

    def _is_within_main(self, node: LexborNode) -> bool:
        passed: list[int] = []
        found = False
        parent = node.parent
        while parent is not None and not found:
            known = self._within_main.get(parent.mem_id)
            if known is not None:
                found = known
                break
            passed.append(parent.mem_id)
            found = parent.tag in {"main", "article", "section"} or parent.attributes.get("role") == "main"
            parent = parent.parent
        self._within_main.update(dict.fromkeys(passed, found))
        return found


def _is_permalink(anchor: LexborNode) -> bool:
    return anchor.text().strip() in _PERMALINKS and (anchor.attributes.get("href") or "").startswith("#")


def _is_table_of_contents(block: LexborNode) -> bool:
    """True for three links or more into this page and hardly a word beside them."""
    links = block.css("a[href]")
    if len(links) < _LEAST_CONTENTS or not all((link.attributes["href"] or "").startswith("#") for link in links):
        return False
    return _words_outside(block, links) == 0


def _words_outside(block: LexborNode, links: list[LexborNode]) -> int:
    """The letters of the block that are in none of its links."""
    return len(_NO_LETTERS.sub("", block.text())) - sum(len(_NO_LETTERS.sub("", link.text())) for link in links)


def _link_bars(root: LexborNode) -> set[int]:
    """The widest elements around "Previous" and "Next" that hold nothing but two such links or more, and others."""
    bars: set[int] = set()
    judged: dict[int, int] = {}  # each element is looked at once, however many such links it holds
    for anchor in root.css("a[href]"):
        if _bare_words(anchor) not in _TO_OTHER_PAGES:
            continue
        bar = None
        around = anchor.parent
        while around is not None:
            if around.mem_id not in judged:
                judged[around.mem_id] = _links_of_bar(around)
            if not judged[around.mem_id]:
                break
            if judged[around.mem_id] > 1:
                bar = around.mem_id
            around = around.parent
        if bar is not None:
            bars.add(bar)
    return bars


def _links_of_bar(around: LexborNode) -> int:
    """The links to other pages in an element that has hardly a word beside its links; 0 for any other element."""
    if around.css_first(_PAGE) is not None or around.tag == "html" or len(around.text()) > _LONGEST_BAR:
        return 0
    links = around.css("a[href]")
    return 0 if _words_outside(around, links) else sum(_bare_words(link) in _TO_OTHER_PAGES for link in links)


def _bare_words(anchor: LexborNode) -> str:
    text = anchor.text()
    return " ".join(_NO_LETTERS.sub(" ", text).split()).casefold() if len(text) < _LONGEST_BAR else ""


def _site_banner(root: LexborNode) -> set[int]:
    """The first of several h1 if it is but a link to another page: the site's name, not the page's."""
    titles = root.css("h1")
    if len(titles) < 2:
        return set()
    link = titles[0].css_first("a[href]")
    if link is None or (link.attributes["href"] or "").startswith("#") or _words_outside(titles[0], [link]):
        return set()
    return {titles[0].mem_id}
