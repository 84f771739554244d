"""What the dashboard and the alerts look at exists, and each alert tells a person what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
import yaml

from cli.main import main
from common.setting import variable
from local.topology import read_topology
from tests.infra.inventory import State
from tests.infra.log_query import query
from tests.infra.profiles import PROFILES
from tests.infra.queries import Query, promql_name, queries
from tests.infra.reads import DECLARED
from tests.infra.terraform import INFRA, Edit, TerraformError, state_of, workspace

PLATFORM = json.loads((Path(__file__).parent / "platform_metrics.json").read_text(encoding="utf-8"))
LOGGED = "logging.googleapis.com/user/"
SECTIONS = ["What it means", "How to look", "What to do"]
BUDGET = "budget"


@pytest.fixture(scope="module")
def state() -> State:
    return state_of("vertex")


def runbook_queries(root: Path) -> list[str]:
    """What the pages ask Cloud Logging for."""
    pages = [page.read_text(encoding="utf-8") for page in (root / "docs/runbook").glob("*.md")]
    return [found for page in pages for found in re.findall("gcloud logging read '([^']+)'", page)]


def problem(asked: Query, state: State) -> str | None:
    """What is wrong with what is asked for."""
    known = {LOGGED + metric["name"]: metric for metric in state.of("google_logging_metric.this").values()}
    by_promql = {promql_name(name): name for name in known}
    name = by_promql.get(asked.metric, asked.metric)
    if name in known:
        labels = {label["key"] for label in known[name]["metric_descriptor"][0]["labels"]}
        resource, resource_labels = "cloud_run_revision", {"service_name"}
    elif name in PLATFORM:
        labels, resource = set(PLATFORM[name]["labels"]), PLATFORM[name]["resource"]
        resource_labels = set(PLATFORM[name]["resource_labels"])
    else:
        return f"there is no metric {asked.metric}"
    if asked.resource not in {resource, ""}:
        return f"{name} is of {resource}, not of {asked.resource}"
    if unknown := (asked.labels - labels) | (asked.resource_labels - resource_labels):
        return f"{name} has no label {', '.join(sorted(unknown))}"
    return None


def test_each_metric_that_is_looked_at_is_counted_from_log_lines_or_is_the_platforms_own(state: State) -> None:
    problems = {each.place: problem(each, state) for each in queries(state)}
    assert {place: said for place, said in problems.items() if said} == {}
    assert all(metric["source"].startswith("https://cloud.google.com/") for metric in PLATFORM.values())


def test_no_metric_is_counted_or_listed_that_nobody_looks_at(state: State) -> None:
    asked = {each.metric for each in queries(state)}
    metrics = {LOGGED + metric["name"] for metric in state.of("google_logging_metric.this").values()}
    assert {name for name in metrics if not asked & {name, promql_name(name)}} == set()
    assert PLATFORM.keys() - asked == set()


@pytest.mark.parametrize(
    "edit",
    [
        Edit("alerts.tf", "cloudsql.googleapis.com/database/up", "cloudsql.googleapis.com/database/is_up"),
        Edit("alerts.tf", 'by = ["metric.labels.reason"]', 'by = ["metric.labels.cause"]'),
        Edit("dashboard.tf", "sum by (team_id)", "sum by (team)"),
        Edit("dashboard.tf", '{ metric = "unrouted", by', '{ type = "unrouted", by'),
        Edit("metrics.tf", 'labels = ["outcome"]', 'labels = ["refusal"]'),
    ],
)
@pytest.mark.full
def test_a_metric_or_label_that_is_misspelt_is_found(edit: Edit) -> None:
    with workspace(edits=[edit]) as folder:
        folder.init()
        changed = folder.state(PROFILES["vertex"])
    assert any(problem(each, changed) for each in queries(changed))


def test_each_alert_has_its_page_and_each_page_its_alert(state: State, root: Path) -> None:
    pages = {page.stem for page in (root / "docs/runbook").glob("*.md")}
    alerts = state.of("google_monitoring_alert_policy.this")
    assert pages - {"README"} == {*alerts, BUDGET}
    for name, alert in alerts.items():
        assert alert["user_labels"] == {"runbook": name}
        assert f"docs/runbook/{name}.md" in alert["documentation"][0]["content"]
        assert alert["severity"] in {"CRITICAL", "ERROR", "WARNING"}


def test_each_page_says_what_it_means_how_to_look_and_what_to_do(root: Path) -> None:
    for page in (root / "docs/runbook").glob("*.md"):
        if page.stem != "README":
            assert re.findall("^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE) == SECTIONS, page.name


def test_the_runbooks_links_lead_somewhere(root: Path) -> None:
    for page in (root / "docs/runbook").glob("*.md"):
        for target in re.findall(r"\]\((?!https:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_runbooks_queries_can_be_read(root: Path) -> None:
    found = runbook_queries(root)
    assert len(found) > len(SECTIONS)
    for text in found:
        query(text)


def test_the_runbooks_commands_and_reasons_are_the_projects_own(root: Path) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (root / "docs/runbook").glob("*.md"))
    commands = [["admin", *found.split(",")] for found in re.findall(r"--args=([\w,]+)", text)]
    commands += [found.split() for found in re.findall(r"\bai-infra ((?:[a-z]+ ?)+)", text)]
    assert commands
    for words in commands:
        assert known(words), words
    sources = "".join(
        path.read_text(encoding="utf-8") for folder in ("common", "functions") for path in (root / folder).rglob("*.py")
    )
    reasons = set(re.findall("`([A-Z]+(?:_[A-Z]+)+)`", text)) - {variable(name) for name in DECLARED}
    assert {reason for reason in reasons if f'"{reason}"' not in sources} == set()


def known(words: list[str]) -> bool:
    """Whether these are the name of a command, and perhaps its arguments."""
    command: click.Command = main
    for word in words:
        if not isinstance(command, click.Group):
            return True
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True


def test_a_message_may_wait_longer_than_its_longest_back_off_before_somebody_is_called(state: State) -> None:
    alert = state.of("google_monitoring_alert_policy.this")["backlog"]
    threshold = alert["conditions"][0]["condition_threshold"][0]["threshold_value"]
    longest = max(
        each.maximum_backoff_seconds for each in read_topology(INFRA / "topology.yaml").subscriptions.values()
    )
    assert threshold > longest


def test_the_uptime_check_asks_what_the_api_answers_to_anybody(state: State) -> None:
    check = state.one("google_monitoring_uptime_check_config.api")
    [asked] = check["http_check"]
    assert (asked["path"], asked["use_ssl"], asked["validate_ssl"]) == ("/health", True, True)
    assert asked["service_agent_authentication"] == []
    assert state.outputs["api_url"] == f"https://{check['monitored_resource'][0]['labels']['host']}"


def test_the_dashboards_prices_are_those_of_the_table(root: Path) -> None:
    prices = yaml.safe_load((root / "docs/prices.yaml").read_text(encoding="utf-8"))["prices"]
    defaults = re.search(r"default += (\{ embedding = .*\})", (INFRA / "dashboard.tf").read_text(encoding="utf-8"))
    assert defaults is not None
    stated = {name: float(value) for name, value in re.findall(r"(\w+) = ([\d.]+)", defaults[1])}
    assert stated == {name: prices[name]["price"] for name in stated}


@pytest.mark.full
def test_people_are_told_of_alerts_and_of_the_budget() -> None:
    state = state_of("full")
    channels = {each["name"] for each in state.of("google_monitoring_notification_channel.email").values()}
    assert len(channels) == 2
    for alert in state.of("google_monitoring_alert_policy.this").values():
        assert set(alert["notification_channels"]) == channels
    [budget] = state.of("google_billing_budget.this").values()
    assert set(budget["all_updates_rule"][0]["monitoring_notification_channels"]) == channels
    assert f"docs/runbook/{BUDGET}.md" in budget["display_name"]
    [asked] = state.one("google_monitoring_uptime_check_config.api")["http_check"]
    assert asked["service_agent_authentication"] == [{"type": "OIDC_TOKEN"}]


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("runbook_url", "https://example.com/runbook/", "runbook_url must be"),
        ("runbook_url", "docs/runbook", "runbook_url must be"),
        ("token_prices", {"embedding": -1, "prompt": 0, "answer": 0}, "token_prices must not"),
    ],
)
def test_a_variable_of_watching_that_cannot_be_is_refused(name: str, value: object, sentence: str) -> None:
    with workspace() as folder:
        folder.init()
        with pytest.raises(TerraformError, match=sentence):
            folder.plan({**PROFILES["vertex"], name: value})
