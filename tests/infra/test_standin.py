"""The stand-in refuses what hashicorp/google would, and fills in what Google would: what the other tests rest on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.terraform import Edit, TerraformError, Workspace, workspace

PROVIDER = """
terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}
provider "google" {
  project        = "example-project"
  region         = "europe-west4"
  default_labels = { app = "answers" }
}
"""

TOPIC = 'resource "google_pubsub_topic" "this" {\n  name = "orders"\n  labels = { team = "sales" }\n}\n'

SUBSCRIPTION = """
resource "google_service_account" "push" {
  account_id = "push"
}
resource "google_pubsub_subscription" "this" {
  name  = "orders"
  topic = google_pubsub_topic.this.id
  push_config {
    push_endpoint = "https://example.com"
    oidc_token {
      service_account_email = google_service_account.push.email
    }
  }
}
"""

SECRET = 'resource "google_secret_manager_secret" "this" {\n  secret_id = "peppers"\n  replication {\n%s  }\n}\n'
AUTO = "    auto {}\n"
PLACED = '    user_managed {\n      replicas {\n        location = "europe-west4"\n      }\n    }\n'

FIRESTORE = 'resource "google_firestore_database" "this" {\n  name = "x"\n  location_id = "eur3"\n  type = "SQL"\n}\n'
METRIC = """
resource "google_logging_metric" "this" {
  name   = "x"
  filter = "y"
  metric_descriptor {
    metric_kind = "SUM"
    value_type  = "INT64"
  }
}
"""
NAME = '  name = "orders"\n'

REFUSED = {
    "an argument that does not exist": (TOPIC.replace(NAME, NAME + '  title = "x"\n'), '"title" is not expected'),
    "a missing argument": (TOPIC.replace(NAME, ""), '"name" is required'),
    "a type that does not exist": (TOPIC.replace("pubsub_topic", "pubsub_queue"), "google_pubsub_queue"),
    "a value of another type": (TOPIC.replace('{ team = "sales" }', '"sales"'), "map of string required"),
    "a reference to nothing": (TOPIC + SUBSCRIPTION.replace("this.id", "this.title"), 'attribute named "title"'),
    "a block too many": (SECRET % (AUTO + AUTO), "Too many auto blocks"),
    "a word that an argument does not take": (FIRESTORE, "expected one of FIRESTORE_NATIVE"),
    "a word in a nested block": (METRIC, "expected one of DELTA"),
    "arguments that exclude each other": (
        TOPIC + SUBSCRIPTION.replace("  push_config {", '  bigquery_config {\n    table = "x"\n  }\n  push_config {'),
        "bigquery_config conflicts with push_config",
    ),
    "two of which one is needed": (SECRET % (AUTO + PLACED), "exactly one of"),
    "none of which one is needed": (SECRET % "", "exactly one of"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "provider.tf").write_text(PROVIDER, encoding="utf-8")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "main.tf").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(folder: Path, text: str, words: str) -> None:
    with workspace(written(folder, text)) as copy:
        copy.init()
        result = copy.terraform("validate")

    assert result.code == 1
    assert words in " ".join(result.output.replace("│", "").split())


@pytest.mark.parametrize("text", [TOPIC + SUBSCRIPTION, SECRET % AUTO, SECRET % PLACED])
def test_it_takes_what_is_right(folder: Path, text: str) -> None:
    with workspace(written(folder, text)) as copy:
        copy.init()
        result = copy.terraform("validate")

    assert result.ok, result.output


def test_a_reference_becomes_the_name_that_google_gives(folder: Path) -> None:
    with workspace(written(folder, TOPIC + SUBSCRIPTION)) as copy:
        copy.init()
        subscription = copy.state({}).one("google_pubsub_subscription.this")

    assert subscription["topic"] == "projects/example-project/topics/orders"
    assert subscription["push_config"][0]["oidc_token"][0]["service_account_email"] == (
        "push@example-project.iam.gserviceaccount.com"
    )


def test_labels_of_the_provider_and_of_the_resource_are_both_set(folder: Path) -> None:
    with workspace(written(folder, TOPIC)) as copy:
        copy.init()
        topic = copy.state({}).one("google_pubsub_topic.this")

    assert topic["labels"] == {"team": "sales"}
    assert topic["effective_labels"] == {"app": "answers", "team": "sales", "goog-terraform-provisioned": "true"}


def test_what_the_provider_computes_is_unknown_in_a_plan(folder: Path) -> None:
    with workspace(written(folder, TOPIC)) as copy:
        copy.init()
        topic = copy.plan({}).one("google_pubsub_topic.this")

    assert "id" not in topic
    assert topic["project"] == "example-project"


def test_a_change_is_an_update_or_a_replacement_as_the_provider_has_it(folder: Path) -> None:
    with workspace(written(folder, TOPIC)) as copy:
        copy.init()
        copy.state({})
        relabelled = _changed(copy, '"sales"', '"support"')
        renamed = _changed(copy, '"orders"', '"sales"')

    assert relabelled == ("update",)
    assert renamed == ("delete", "create")


@pytest.mark.parametrize(("protected", "code"), [("true", 1), ("false", 0)])
def test_what_is_protected_is_not_destroyed(folder: Path, protected: str, code: int) -> None:
    text = (SECRET % AUTO).replace("  replication", f"  deletion_protection = {protected}\n  replication")
    with workspace(written(folder, text)) as copy:
        copy.init()
        copy.state({})
        result = copy.terraform("destroy", "-auto-approve")

    assert result.code == code, result.output


def _changed(copy: Workspace, old: str, new: str) -> tuple[str, ...]:
    file = copy.path / "main.tf"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return copy.plan({}).changes["google_pubsub_topic.this"]


def test_an_edit_whose_text_is_not_there_once_is_refused(folder: Path) -> None:
    written(folder, TOPIC + TOPIC)

    for text in ("nowhere", "orders"):
        with pytest.raises(TerraformError, match="not once"), workspace(folder, [Edit("main.tf", text, "x")]):
            pass
