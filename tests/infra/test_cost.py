"""docs/cost.md: made of docs/prices.yaml, and right."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
import yaml

from common.config import Settings
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
from deployment.cost import page
from deployment.prices import Prices, read_prices
from tests.infra.terraform import state_of

HOURS = 730


@pytest.fixture(scope="module")
def prices() -> Prices:
    return read_prices()


def test_the_document_is_what_the_prices_make(prices: Prices, root: Path) -> None:
    made = page(prices)
    assert (root / "docs" / "cost.md").read_text(encoding="utf-8") == made, "run .venv/bin/python -m deployment.cost"


def test_every_total_in_the_document_is_the_sum_of_its_column(root: Path) -> None:
    tables = (root / "docs" / "cost.md").read_text(encoding="utf-8").split("\n## ")[1:7]
    for table in tables:
        rows = [[cell.strip(" *") for cell in line.split("|")[2:-1]] for line in table.splitlines() if line[:1] == "|"]
        columns = zip(*rows[2:], strict=True)
        for column in columns:
            *costs, last = [float(cell.replace(",", "")) for cell in column if cell != "–"]
            assert sum(costs) == pytest.approx(last, abs=0.005 * len(costs))
    assert len(tables) == 6


def test_an_idle_month_is_a_database_and_with_vertex_a_node(prices: Prices) -> None:
    database = (0.0413 + 3.75 * 0.007) * HOURS + 10 * (0.17 + 0.08)
    node = 0.094 * HOURS
    rest = total(idle_month(prices, "pgvector")) - database
    assert 0 < rest < 5
    assert total(idle_month(prices, "vertex")) == pytest.approx(database + node + rest)


def test_a_million_pages_are_mostly_embeddings(prices: Prices) -> None:
    bill = {item.what: item.cost for item in million_pages(prices, "vertex")}
    assert bill["Embeddings"] == pytest.approx(575 * 0.15)
    assert bill["Embeddings"] > 0.8 * sum(bill.values())
    embed = 575 / 0.8 * 60 * 5  # minutes at the quota's pace, all instances
    assert bill["`embed`, at the quota's pace: CPU"] == pytest.approx(embed * 0.000024)


def test_a_million_questions_are_mostly_generation(prices: Prices) -> None:
    bill = {item.what: item.cost for item in million_questions(prices)}
    assert bill["Prompts"] + bill["Answers"] == pytest.approx(3000 * 0.25 + 250 * 1.5)


def test_scans_cost_processor_time_or_document_ai(prices: Prices) -> None:
    local = {item.what: item.cost for item in million_scans(prices, "local")}
    assert local["`chunk`: CPU"] == pytest.approx(4.5 * 2 * 0.000024 * 1_000_000)
    asked = {item.what: item.cost for item in million_scans(prices, "document_ai")}
    assert asked["Document AI"] == pytest.approx(1.50 * 1000)
    assert sum(local.values()) < sum(asked.values())


def test_an_address_costs_its_fetch(prices: Prices) -> None:
    bill = {item.what: item.cost for item in million_addresses(prices)}
    assert bill["`fetch`: CPU"] == pytest.approx(2 * 0.000024 * 1_000_000)


def test_a_million_pages_need_four_nodes_or_a_larger_database(prices: Prices) -> None:
    assert shards(prices) == 4  # 2.2 M vectors of 3 KiB, 2 GiB a shard
    nodes = {item.what: item.cost for item in million_pages_kept(prices, "vertex")}["Vector index: further nodes"]
    assert nodes == pytest.approx(3 * 0.094 * HOURS)
    machine = {item.what: item.cost for item in million_pages_kept(prices, "pgvector")}
    assert machine["Database: more memory"] == pytest.approx((13 - 3.75) * 0.007 * HOURS)


def test_the_bucket_is_looked_through_in_pages_of_the_size_that_is_priced(prices: Prices, root: Path) -> None:
    code = (root / "functions" / "reconcile" / "bucket.py").read_text(encoding="utf-8")
    assert f"_PAGE = {prices.quantity('listed_objects'):.0f}\n" in code
    [default_objects] = [field.default for field in fields(Settings) if field.name == "reconcile_objects"]
    assert prices.quantity("looked_at_objects") == default_objects
    bill = {item.what: item.cost for item in million_pages_kept(prices, "vertex")}
    assert bill["Objects: looked through by `reconcile`"] == pytest.approx(20_000 / 500 * 8_760 * 5 / 1_000_000)


def test_what_is_priced_is_what_the_defaults_deploy(prices: Prices, root: Path) -> None:
    variables = (root / "infra" / "variables.tf").read_text(encoding="utf-8")
    cpus, megabytes = re.fullmatch(r"db-custom-(\d+)-(\d+)", default(variables, "database_tier")).groups()  # type: ignore[union-attr]
    assert (int(cpus), int(megabytes) / 1024) == (
        prices.quantity("database_cpus"),
        prices.quantity("database_gigabytes"),
    )
    assert int(default(variables, "index_replicas")) == prices.quantity("index_nodes")
    for name, price in (
        ("index_machine_type", "index_node"),
        ("generation_model", "prompt"),
        ("generation_model", "answer"),
        ("embedding_model", "embedding"),
    ):
        assert default(variables, name) in prices.prices[price].unit
    topology = yaml.safe_load((root / "infra" / "topology.yaml").read_text(encoding="utf-8"))
    assert topology["functions"]["embed"]["max_instances"] == prices.quantity("embed_instances")
    for name, cpu, memory in (
        ("chunk", 2, "4Gi"),
        ("fetch", 1, "1Gi"),
        ("embed", 1, "1Gi"),
        ("record", 1, "512Mi"),
        ("api", 1, "1Gi"),
    ):
        assert (float(topology["functions"][name]["cpu"]), topology["functions"][name]["memory"]) == (cpu, memory)


def test_what_watches_is_what_is_priced(prices: Prices) -> None:
    state = state_of("vertex")
    conditions = [each for alert in state.all("google_monitoring_alert_policy") for each in alert.values["conditions"]]
    assert len(conditions) == prices.quantity("alert_conditions")
    check = state.one("google_monitoring_uptime_check_config.api")
    asked = HOURS * 3600 / int(check["period"].removesuffix("s")) * len(check["selected_regions"])
    assert prices.quantity("uptime_seconds") == pytest.approx(asked * 0.1)


def test_the_dashboard_reckons_with_these_prices(prices: Prices, root: Path) -> None:
    text = (root / "infra" / "dashboard.tf").read_text(encoding="utf-8")
    found = re.search(r'variable "token_prices" {.*?default *= {(.*?)}', text, re.DOTALL)
    assert found is not None
    assert {name: float(value) for name, value in re.findall(r"(\w+) *= *([\d.]+)", found[1])} == {
        name: prices.prices[name].price for name in ("embedding", "prompt", "answer")
    }


def test_every_price_has_a_source_of_google_and_a_date_and_is_used(prices: Prices, root: Path) -> None:
    code = "".join((root / "deployment" / name).read_text(encoding="utf-8") for name in ("bills.py", "cost.py"))
    for name, price in prices.prices.items():
        assert price.price > 0
        assert price.source.startswith("https://cloud.google.com/")
        assert date(2026, 1, 1) < price.date
        assert f'"{name}"' in code or name.endswith("_alternative"), f"{name} is not used"
    for name in prices.quantities:
        assert f'"{name}"' in code, f"{name} is not used"


def default(variables: str, name: str) -> str:
    """The default of a Terraform variable that has one."""
    found = re.search(rf'variable "{name}" {{.*?\n  default     = "?([^"\n]+)"?\n', variables, re.DOTALL)
    assert found is not None, f"{name} has no default"
    return found[1]
