"""Makes docs/cost.md of docs/prices.yaml: `.venv/bin/python -m deployment.cost`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from deployment.archive import CHECKOUT
from deployment.bills import (
    idle_month,
    million_addresses,
    million_pages,
    million_pages_kept,
    million_questions,
    million_scans,
    shards,
    total,
)
from deployment.prices import Item, Prices, read_prices

FILE = CHECKOUT / "docs" / "cost.md"
WIDTH = 120
LEAST = 0.005

_MADE = "<!-- Made of docs/prices.yaml by `.venv/bin/python -m deployment.cost`. Change that file, not this one. -->"

_SUMMARY = """\
An idle month {idle_vertex} {currency} with `vector_index = "vertex"`, {idle_pgvector} with `"pgvector"`; a million
pages {pages} once, {scans} more where they are scans; a million questions {questions}.

In {currency}, list prices of us-central1 without tax, discounts and free tiers; Europe is up to a fifth dearer.
{unverified} of {prices} prices are not verified, and most quantities are estimates: both stand below. The dashboard
shows the tokens of each team, the billing report the money."""

_DEFAULTS = """\
`vector_index = "vertex"`: search stays fast in many millions of chunks and takes nothing from the database. It costs
{node} a month more while idle. With a million pages the vectors fill {shards} shards, each a node, and pgvector wants a
larger database: {full_vertex} against {full_pgvector} a month in all. So `pgvector` is the cheaper one at every size
that stands here, and the one for a trial. Another index later means that every document is processed again.

`index_replicas = 1`, `index_machine_type = "e2-standard-2"`: left to itself, Vertex AI takes two replicas of a larger
machine. A second one doubles the price of the nodes and searches on while one is replaced.

`database_tier = "db-custom-1-3840"`, `database_availability = "ZONAL"`: the smallest machine that is not shared.
`REGIONAL` doubles the database's price, for a standby in another zone.

`generation_model = "gemini-3.1-flash-lite"`: prompts and answers are {generation:.0%} of a question's price.
gemini-3.5-flash-lite costs {alternative:.2f} times as much. `thinking_tokens = 0`, since thinking is billed as answer.

`embedding_model = "gemini-embedding-001"`: text-embedding-005 embeds a million pages for {characters}, and retires on
2027-04-01.

`ocr = "local"`: a page costs {share:.0%} of what Document AI asks for it, and takes some four seconds; `scaling` of
`chunk` says how many are read at once.

No function has a minimum of instances, so that idle costs nothing. The uptime check wakes `api` every few minutes; now
and then a question still meets a cold start. `scaling = {{ api = {{ min = 1 }} }}` ends that, for an idle instance's
price.

Uploads have soft delete for `soft_delete_days`: deleted bytes are billed for as long. Extractions have none.

A push to main takes about {build} of build time."""


def page(prices: Prices) -> str:
    """The whole document."""
    sections = [
        _introduction(prices),
        [
            "## An idle month",
            "Nobody drops a file, nobody asks. The functions scale to nothing; what is left is what always runs.",
            _compared(idle_month(prices, "vertex"), idle_month(prices, "pgvector")),
        ],
        [
            "## A million pages, once",
            "From upload to ready. While the quota of tokens binds, `embed` waits, and its waiting is billed.",
            _compared(million_pages(prices, "vertex"), million_pages(prices, "pgvector")),
        ],
        [
            "## A million scanned pages, once",
            "What pages that are images add to that, by `ocr`. With `off` nothing: they stay without text.",
            _compared(
                million_scans(prices, "local"), million_scans(prices, "document_ai"), heads=("local", "document_ai")
            ),
        ],
        [
            "## A million web addresses",
            "What `fetch` adds; what stands at them costs as other pages do. Fetched again, an address costs the same.",
            _single(million_addresses(prices)),
        ],
        [
            "## A million pages, each month",
            "What keeping them answerable adds to an idle month.",
            _compared(million_pages_kept(prices, "vertex"), million_pages_kept(prices, "pgvector")),
        ],
        [
            "## A million questions",
            "On either index. A refused question costs less: without passages nothing is generated.",
            _single(million_questions(prices)),
        ],
        ["## What the defaults are, and why", _defaults(prices)],
        ["## Prices", _prices(prices), "## Quantities", _quantities(prices)],
    ]
    return "\n\n".join(block for section in sections for block in section) + "\n"


def _introduction(prices: Prices) -> list[str]:
    summary = _SUMMARY.format(
        currency=prices.currency,
        idle_vertex=_money(total(idle_month(prices, "vertex"))),
        idle_pgvector=_money(total(idle_month(prices, "pgvector"))),
        pages=_money(total(million_pages(prices, "vertex"))),
        questions=_money(total(million_questions(prices))),
        scans=_money(total(million_scans(prices, "local"))),
        unverified=sum(not price.verified for price in prices.prices.values()),
        prices=len(prices.prices),
    )
    return [_MADE, "# What it costs", *(_wrapped(each) for each in summary.split("\n\n"))]


def _defaults(prices: Prices) -> str:
    idle_vertex, idle_pgvector = total(idle_month(prices, "vertex")), total(idle_month(prices, "pgvector"))
    bill = {item.what: item.cost for item in million_questions(prices)}
    points = _DEFAULTS.format(
        node=_money(idle_vertex - idle_pgvector),
        shards=shards(prices),
        full_vertex=_money(idle_vertex + total(million_pages_kept(prices, "vertex"))),
        full_pgvector=_money(idle_pgvector + total(million_pages_kept(prices, "pgvector"))),
        generation=(bill["Prompts"] + bill["Answers"]) / sum(bill.values()),
        alternative=_alternative(prices),
        share=total(million_scans(prices, "local")) / total(million_scans(prices, "document_ai")),
        characters=_money(prices.prices["embedding_alternative"].price * prices.quantity("page_characters")),
        build=_money(prices.quantity("build_minutes") * prices.prices["build"].price),
    )
    return "\n".join(_wrapped(point, "- ") for point in points.split("\n\n"))


def _alternative(prices: Prices) -> float:
    """How many times the default model's price the other one asks for a question."""
    tokens = {"prompt": prices.quantity("prompt_tokens"), "answer": prices.quantity("answer_tokens")}
    default, other = (
        sum(amount * prices.prices[f"{name}{which}"].price for name, amount in tokens.items())
        for which in ("", "_alternative")
    )
    return other / default


def _prices(prices: Prices) -> str:
    rows = [
        (
            name,
            _number(price.price),
            price.unit,
            f"[{price.date}]({price.source})",
            "yes" if price.verified else "no",
        )
        for name, price in prices.prices.items()
    ]
    return _table(("price", prices.currency, "for a", "source", "verified"), rows, right={1})


def _quantities(prices: Prices) -> str:
    rows = [(name, _number(quantity.value), quantity.why) for name, quantity in prices.quantities.items()]
    return _table(("quantity", "", "from"), rows, right={1})


def _compared(one: Sequence[Item], other: Sequence[Item], *, heads: tuple[str, str] = ("vertex", "pgvector")) -> str:
    costs = [{item.what: item.cost for item in items} for items in (one, other)]
    names = dict.fromkeys(item.what for item in (*one, *other))
    rows = [(name, *(_money(cost[name]) if name in cost else "–" for cost in costs)) for name in names]
    totals = ("**Total**", *(f"**{_money(total(items))}**" for items in (one, other)))
    return _table(("", *heads), [*rows, totals], right={1, 2})


def _single(items: Sequence[Item]) -> str:
    rows = [(item.what, _money(item.cost)) for item in items]
    return _table(("", "either"), [*rows, ("**Total**", f"**{_money(total(items))}**")], right={1})


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: set[int]) -> str:
    rule = ["---:" if column in right else "---" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def _wrapped(text: str, bullet: str = "") -> str:
    words = " ".join(text.split())
    indent = " " * len(bullet)
    return textwrap.fill(words, WIDTH, initial_indent=bullet, subsequent_indent=indent, break_on_hyphens=False)


def _money(cost: float) -> str:
    return "under 0.01" if 0 < cost < LEAST else f"{cost:,.2f}"


def _number(value: float) -> str:
    return f"{value:,.8f}".rstrip("0").rstrip(".")


def main() -> None:
    FILE.write_text(page(read_prices()), encoding="utf-8")


if __name__ == "__main__":
    main()
