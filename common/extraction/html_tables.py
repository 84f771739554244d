"""Which tables of HTML hold data, and what names their columns."""

from __future__ import annotations

from selectolax.lexbor import LexborNode

CELLS = frozenset({"td", "th"})
BOLD = frozenset({"b", "strong"})
_AROUND_BOLD = frozenset({"p", "div", "span", "font", "center"})
_ROWS = frozenset({"thead", "tbody", "tr"})
_LAID_OUT = "h1, h2, h3, h4, pre, ul, ol, dl, table table, blockquote"
_PARTS_OF_PAGE = "h1, h2, h3"


def lays_out(table: LexborNode) -> bool:
    """True for a table of the page's parts, as lists and tables in it show unless it begins with names of columns."""
    if table.css_first(_LAID_OUT) is None:
        return False
    return table.css_first(_PARTS_OF_PAGE) is not None or not _begins_with_names(table)


def is_bold(cell: LexborNode) -> bool:
    """True for a cell whose whole content is bold: how a header is marked without `th`."""
    node: LexborNode | None = cell
    while node is not None and node.tag not in BOLD:
        node = only_child(node) if node is cell or node.tag in _AROUND_BOLD else None
    return node is not None


def only_child(node: LexborNode) -> LexborNode | None:
    """What is in the element, if that is one element or text."""
    children = [child for child in node.iter(include_text=True, skip_empty=True) if child.tag != "-comment"]
    return children[0] if len(children) == 1 else None


def _begins_with_names(table: LexborNode) -> bool:
    row = next((each for each in table.iter() if each.tag in _ROWS), None)
    in_head = row is not None and row.tag == "thead"
    while row is not None and row.tag != "tr":
        row = next((each for each in row.iter() if each.tag == "tr"), None)
    cells = [cell for cell in row.iter() if cell.tag in CELLS] if row is not None else []
    return len(cells) > 1 and (in_head or all(cell.tag == "th" or is_bold(cell) for cell in cells))
