"""Which metrics the dashboard and the alerts ask for, and by which of their labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.infra.inventory import State

# Cloud Monitoring's filters, as far as they are used: comparisons that all have to hold.
_COMPARISON = re.compile(r'([\w.]+)=(?:"([^"]+)"|starts_with\("([^"]+)"\))')
_PROMQL_METRIC = re.compile(r"\b(\w+:\w+?)(?:_sum|_count|_bucket)?(?=\{)")
_PROMQL_BY = re.compile(r"\bby \(([\w, ]+)\)")
_PROMQL_LABEL = re.compile(r"\{([\w]+)=")
METRIC, RESOURCE, METRIC_LABEL, RESOURCE_LABEL = "metric.type", "resource.type", "metric.labels.", "resource.labels."


@dataclass(frozen=True)
class Query:
    """One series that somebody looks at: `place` is the alert or chart, `resource` empty where it is not said."""

    place: str
    metric: str
    resource: str
    labels: frozenset[str]
    resource_labels: frozenset[str]


def queries(state: State) -> list[Query]:
    """Each that the state's dashboard and alerts make."""
    return [*_of_alerts(state), *_of_dashboard(state)]


def alert_filters(condition: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Filter and grouping of each series of a condition."""
    found = []
    for kind in ("condition_threshold", "condition_absent"):
        for inner in condition[kind]:
            found.append((inner["filter"], _grouping(inner["aggregations"])))
            if inner.get("denominator_filter"):
                found.append((inner["denominator_filter"], _grouping(inner["denominator_aggregations"])))
    assert found, f"{condition['display_name']} asks for no metric"
    return found


def promql_name(metric_type: str) -> str:
    """https://cloud.google.com/monitoring/promql/promql-mapping"""
    domain, _, path = metric_type.partition("/")
    return re.sub(r"\W", "_", domain) + ":" + re.sub(r"\W", "_", path)


def _of_alerts(state: State) -> Iterator[Query]:
    for name, alert in state.of("google_monitoring_alert_policy.this").items():
        for condition in alert["conditions"]:
            for text, by in alert_filters(condition):
                yield _filtered(f"alert {name}", text, by)


def _of_dashboard(state: State) -> Iterator[Query]:
    layout = json.loads(state.one("google_monitoring_dashboard.this")["dashboard_json"])["mosaicLayout"]
    for tile in layout["tiles"]:
        place = f"chart {tile['widget']['title']}"
        for line in tile["widget"]["xyChart"]["dataSets"]:
            query = line["timeSeriesQuery"]
            if "prometheusQuery" in query:
                yield from _promql(place, query["prometheusQuery"])
            else:
                inner = query["timeSeriesFilter"]
                yield _filtered(place, inner["filter"], inner["aggregation"].get("groupByFields", []))


def _grouping(aggregations: list[dict[str, Any]]) -> list[str]:
    return [field for aggregation in aggregations for field in aggregation["group_by_fields"] or []]


def _filtered(place: str, text: str, by: list[str]) -> Query:
    compared: dict[str, str] = {}
    for part in text.split(" AND "):
        match = _COMPARISON.fullmatch(part)
        assert match, f"{place}: {part!r} is no comparison"
        compared[match[1]] = match[2] or match[3]
    used = {*compared, *by} - {METRIC, RESOURCE}
    wrong = [name for name in used if not name.startswith((METRIC_LABEL, RESOURCE_LABEL))]
    assert not wrong, f"{place}: {wrong} are no labels"
    return Query(
        place, compared[METRIC], compared.get(RESOURCE, ""), _named(used, METRIC_LABEL), _named(used, RESOURCE_LABEL)
    )


def _named(used: set[str], prefix: str) -> frozenset[str]:
    return frozenset(name.removeprefix(prefix) for name in used if name.startswith(prefix))


def _promql(place: str, text: str) -> Iterator[Query]:
    """By its name in PromQL; `monitored_resource` chooses the resource's type."""
    metrics = _PROMQL_METRIC.findall(text)
    assert metrics, f"{place}: {text!r} asks for no metric"
    assert set(_PROMQL_LABEL.findall(text)) == {"monitored_resource"}, place
    by = {label.strip() for group in _PROMQL_BY.findall(text) for label in group.split(",")}
    for metric in set(metrics):
        yield Query(place, metric, "", frozenset(by), frozenset())
