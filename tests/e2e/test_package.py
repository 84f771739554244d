"""The packaged functions do in profile `gcp` what each is there for, and nothing but what they need is installed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cli.api import Api
from tests.conftest import TestDatabase, show
from tests.e2e.package import Package, RunningPackage, normal, running
from tests.firestore import skip_without_firestore
from tests.functions.events import event
from tests.functions.texts import HANDBOOK

pytestmark = pytest.mark.full

QUESTION = "How tall is the tower?"
PUSHED = ("intake", "chunk", "embed", "record", "retire", "fetch", "dead_letter")
# Without bytecode, which adds some 150 MB to the 600 that are allowed in all.
MOST_MEGABYTES = 440
MOST_MEGABYTES_OF_OCR = 350  # in `chunk`'s package, which alone has it


@pytest.fixture(scope="module")
def package(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    return Package.installed(root, tmp_path_factory.mktemp("workspace"), tmp_path_factory.mktemp("layer") / ".venv")


@pytest.fixture(scope="module")
def package_without_ocr(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """As all functions but `chunk` are built."""
    folder, environment = tmp_path_factory.mktemp("workspace"), tmp_path_factory.mktemp("layer") / ".venv"
    return Package.installed(root, folder, environment, UV_NO_DEFAULT_GROUPS="1")


@pytest.fixture(scope="module")
def functions(
    package: Package, root: Path, database: TestDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPackage]:
    """The packaged functions, running."""
    skip_without_firestore()
    with running(package, root=root, database=database, folder=tmp_path_factory.mktemp("gcp")) as started:
        yield started


def test_a_document_goes_its_whole_way_through_the_packaged_functions(functions: RunningPackage) -> None:
    installation = functions.installation
    installation.project("lighthouse", "docs")
    name = "lighthouse/docs/handbook.md"
    generation = installation.upload(name, HANDBOOK)
    size = str(len(HANDBOOK.encode()))
    [registered] = functions.accept("intake", installation.finalized(name, generation, size=size))
    batches = functions.accept("chunk", registered.body)
    assert len(batches) > 1
    for batch in batches:
        [embedded] = functions.accept("embed", batch.body)
        assert functions.accept("record", embedded.body) == []
    document = installation.document(registered.content["document_id"])
    assert (document["status"], document["active_job_id"]) == ("ready", document["wanted_job_id"])

    api = Api(functions.urls["api"], installation.key("lighthouse"))
    answer = api.ask("docs", QUESTION)
    assert "43 metres" in answer["answer"]
    [citation, *_] = answer["citations"]
    assert (citation["document_id"], citation["quote_verified"]) == (str(document["id"]), True)
    text = api.text(citation["document_id"])["text"]
    assert text[citation["char_start"] : citation["char_end"]] == citation["quote"]

    [retired] = functions.accept("retire", installation.deleted(name, generation))
    assert api.ask("docs", QUESTION)["refusal_reason"] == "PROJECT_EMPTY"
    long_ago = "update ingestion_jobs set retired_at = retired_at - interval '1 hour' where id = :id"
    installation.rows(long_ago, id=document["active_job_id"])
    assert functions.accept("retire", retired.body) == []
    assert installation.job(document["active_job_id"])["purged_at"] is not None


def test_the_packaged_dead_letter_function_keeps_a_message(functions: RunningPackage) -> None:
    assert functions.accept("dead_letter", event("dead-letter")) == []
    [kept] = functions.installation.rows("select message_id from failed_messages")
    assert kept["message_id"] == event("dead-letter")["message"]["messageId"]


def test_the_packaged_reconcile_function_finds_what_nobody_was_told_of(functions: RunningPackage) -> None:
    installation = functions.installation
    installation.project("forgetful", "docs")
    installation.upload("forgetful/docs/forgotten.md", HANDBOOK)
    answered = requests.post(functions.urls["reconcile"], timeout=60)
    assert answered.status_code == 200, answered.text
    # What the document of the other test was deleted from is confirmed meanwhile.
    [finalized] = [each for each in installation.topics.take() if each.attributes.get("eventType")]
    [registered] = functions.accept("intake", finalized.body)
    assert registered.content["object_name"] == "forgetful/docs/forgotten.md"


@pytest.mark.parametrize("name", PUSHED)
def test_a_packaged_function_refuses_what_is_no_push(functions: RunningPackage, name: str) -> None:
    answered = requests.post(functions.urls[name], json={"no": "push"}, timeout=60)
    assert answered.status_code == 400
    assert answered.text.startswith("This is not a Pub/Sub push")


def test_the_packaged_api_asks_for_a_key(functions: RunningPackage) -> None:
    answered = requests.get(f"{functions.urls['api']}v1/projects", timeout=60)
    assert (answered.status_code, answered.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_every_function_is_packaged(package: Package, root: Path) -> None:
    assert package.functions == sorted(file.parent.name for file in root.glob("functions/*/main.py"))
    assert {*package.functions} == {*PUSHED, "reconcile", "api"}


def needed(lock: Path) -> set[str]:
    """The packages that are locked for the functions themselves: in the groups or not, and through whatever other."""
    packages = {package["name"]: package for package in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]}
    found, waiting = set[str](), ["ai-infra"]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for needs in (
            packages[name].get("dependencies", []),
            *packages[name].get("optional-dependencies", {}).values(),
        ):
            waiting += [need["name"] for need in needs]
    return found


def test_no_package_of_the_groups_is_installed(package_without_ocr: Package, root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in project["dependencies"]}
    assert {"ai-infra", *wanted} <= package_without_ocr.distributions <= needed(root / "uv.lock")


def test_ocr_is_in_the_package_of_chunk(package: Package, package_without_ocr: Package) -> None:
    ocr = {"rapidocr", "onnxruntime", "opencv-python-headless"}
    assert ocr <= package.distributions - package_without_ocr.distributions


def test_what_is_installed_is_what_was_locked(package: Package, root: Path) -> None:
    assert (package.folder / "uv.lock").read_bytes() == (root / "uv.lock").read_bytes()


def test_the_installed_packages_are_small_enough(package: Package, package_without_ocr: Package) -> None:
    others, chunk = megabytes(package_without_ocr), megabytes(package)
    show(f"{others:.0f} MB are installed without bytecode, {chunk:.0f} MB for chunk")
    assert 100 < others < MOST_MEGABYTES
    assert others < chunk < others + MOST_MEGABYTES_OF_OCR


def megabytes(package: Package) -> float:
    files = (file for file in package.environment.rglob("*") if file.suffix != ".pyc" and not file.is_symlink())
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6
