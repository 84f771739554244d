"""`ai-infra` as its users run it: over HTTP against the API, with the functions at work behind it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from werkzeug.serving import make_server

from cli.exit_codes import ExitCode
from cli.output import printable
from local.ports import LOOPBACK, free_ports
from tests.functions.command_line import CommandLine
from tests.functions.installation import ROOT, Installation
from tests.functions.serving import served, working
from tests.functions.texts import HANDBOOK, pdf_with_lost_page

QUESTION = "How tall is the tower?"
UNANSWERABLE = "Who won the chess championship in Buenos Aires?"
NOBODY = str(uuid4())


@pytest.fixture(scope="module")
def url(installation: Installation) -> Iterator[str]:
    with served(installation) as url:
        yield url


@pytest.fixture(scope="module")
def team(installation: Installation) -> str:
    """A team with the project `docs`, which holds the handbook, and the project `empty`."""
    for name in ("docs", "empty"):
        installation.project("keepers", name)
    installation.ingest("keepers/docs/handbook.md", HANDBOOK)
    return "keepers"


@pytest.fixture(scope="module")
def user(installation: Installation, team: str, url: str) -> CommandLine:
    environment = {"AI_INFRA_URL": url, "AI_INFRA_KEY": installation.key(team), "AI_INFRA_PROJECT": "docs"}
    return CommandLine(environment)


@pytest.fixture(scope="module")
def handbook(user: CommandLine) -> str:
    """The handbook's document id."""
    return next(str(each["id"]) for each in user.shown("documents") if each["title"] == "handbook.md")


@pytest.fixture
def at_work(installation: Installation) -> Iterator[None]:
    with working(installation):
        yield


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    file = tmp_path / f"letter-{uuid4()}.txt"
    file.write_text("The harbour of Kittelsund freezes in January.\n", encoding="utf-8")
    return file


def test_an_answer_comes_with_document_page_and_quote(user: CommandLine) -> None:
    result = user("ask", QUESTION)
    assert result.exit_code == ExitCode.OK
    assert "43 metres" in result.stdout.partition("\n\n")[0]
    assert "[1] handbook.md, page 1\n    “The tower is 43 metres tall" in result.stdout
    assert result.stderr == ""


def test_an_answer_in_json_is_the_apis(user: CommandLine) -> None:
    answer = user.shown("ask", QUESTION, "--top-k", 2)
    assert answer["grounded"] is True
    assert answer["retrieval"]["retrieved"] == 2
    assert answer["citations"][0]["title"] == "handbook.md"


def test_a_refusal_is_said_and_has_its_own_exit_code(user: CommandLine) -> None:
    for project, reason in (("docs", "NO_RELEVANT_CONTEXT"), ("empty", "PROJECT_EMPTY")):
        said = user("ask", UNANSWERABLE, "--project", project)
        assert said.exit_code == ExitCode.NO_ANSWER
        assert said.stdout.startswith("No answer: ")
        assert said.stdout.count("\n") == 1
        assert reason in said.stdout
    refused = user("ask", UNANSWERABLE, "--json")
    assert refused.exit_code == ExitCode.NO_ANSWER
    assert '"refusal_reason": "NO_RELEVANT_CONTEXT"' in refused.stdout


def test_an_answer_is_sought_in_the_named_documents_alone(user: CommandLine, handbook: str) -> None:
    assert user("ask", QUESTION, "--document", handbook).exit_code == ExitCode.OK
    assert user("ask", QUESTION, "--document", NOBODY).exit_code == ExitCode.NO_ANSWER
    assert user("ask", QUESTION, "--document", NOBODY, "--document", handbook).exit_code == ExitCode.OK


def test_the_least_score_reaches_the_question(user: CommandLine) -> None:
    assert user("ask", QUESTION, "--min-score", 1).exit_code == ExitCode.NO_ANSWER


def test_the_only_project_that_a_key_sees_need_not_be_named(
    installation: Installation, team: str, user: CommandLine
) -> None:
    limited = installation.key(team, project="docs")
    answer = user.shown("ask", QUESTION, AI_INFRA_KEY=limited, AI_INFRA_PROJECT=None)
    assert answer["grounded"] is True
    ambiguous = user("ask", QUESTION, AI_INFRA_PROJECT=None)
    assert ambiguous.exit_code == ExitCode.USAGE
    assert all(name in ambiguous.stderr for name in ("docs", "empty", "AI_INFRA_PROJECT"))


def test_documents_are_listed_whole_whatever_the_page(
    installation: Installation, user: CommandLine, team: str, url: str
) -> None:
    project = installation.project(team, "many")
    for number in range(3):
        installation.register(f"{team}/{project.name}/{number}.txt", f"Text number {number}.")
    [api] = installation.create("api", login="api", max_page_size="2").values()
    server = make_server(LOOPBACK, free_ports(1)[0], api.application)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(server.serve_forever)
        small_pages = f"http://{LOOPBACK}:{server.server_port}"
        found = user.shown("documents", "--project", "many", AI_INFRA_URL=small_pages)
        server.shutdown()
    server.server_close()
    assert [each["title"] for each in found] == ["2.txt", "1.txt", "0.txt"]


def test_documents_are_shown_in_a_table_and_by_status(user: CommandLine, handbook: str) -> None:
    lines = user("documents", "--status", "ready").stdout.splitlines()
    assert lines[0].split() == ["ID", "STATUS", "PAGES", "CHUNKS", "TITLE"]
    [row] = [line.split() for line in lines[1:] if handbook in line]
    assert row[:3] == [handbook, "ready", "1"]
    assert row[4] == "handbook.md"
    assert user.shown("documents", "--status", "failed", "--project", "empty") == []
    assert user.refused("documents", "--status", "lost") == (ExitCode.USAGE, "USAGE")


def test_a_document_is_shown_with_all_that_is_known(user: CommandLine, handbook: str) -> None:
    assert user.shown("document", handbook)["status"] == "ready"
    shown = dict(line.split(maxsplit=1) for line in user("document", handbook).stdout.splitlines())
    assert shown["title"].strip() == "handbook.md"
    assert shown["failure"].strip() == "–"


@pytest.mark.usefixtures("at_work")
def test_an_uploaded_file_is_followed_until_it_answers(
    installation: Installation, team: str, user: CommandLine, letter: Path
) -> None:
    result = user("upload", letter, "--prefix", "post/2026/", "--wait")
    assert result.exit_code == ExitCode.OK, result.output
    endpoint = os.environ["STORAGE_EMULATOR_HOST"]
    assert f"gs://{installation.bucket}/{team}/docs/ by the storage emulator at {endpoint}" in result.stderr
    assert f"{letter}: ready 100%" in result.stderr.splitlines()
    assert "ready" in result.stdout.splitlines()[1].split()
    [document] = [each for each in user.shown("documents") if each["title"] == letter.name]
    assert document["object_name"] == f"{team}/docs/post/2026/{letter.name}"
    answer = user.shown("ask", "When does the harbour of Kittelsund freeze?")
    assert answer["citations"][0]["document_id"] == document["id"]


def test_an_upload_in_json_says_where_each_file_went(
    installation: Installation, team: str, user: CommandLine, letter: Path
) -> None:
    [uploaded] = user.shown("upload", letter, "--name", "post/last letter.txt")
    name = f"{team}/docs/post/last letter.txt"
    blob = installation.storage.bucket(installation.bucket).get_blob(name)
    assert blob.download_as_bytes() == letter.read_bytes()
    assert blob.content_type == "text/plain"
    assert uploaded["uri"] == f"gs://{installation.bucket}/{name}"
    assert (uploaded["generation"], uploaded["size"]) == (blob.generation, len(letter.read_bytes()))
    assert uploaded["document"] is None
    installation.accept("intake", installation.finalized(name, blob.generation))
    assert user.shown("document", uploaded["document_id"])["object_name"] == name


@pytest.mark.usefixtures("at_work")
def test_a_file_that_cannot_be_read_fails_the_upload_that_waits_for_it(
    user: CommandLine, letter: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing more")
    result = user("upload", broken, letter, "--wait")
    assert result.exit_code == ExitCode.INGESTION_FAILED
    assert "broken.pdf failed: " in result.stderr
    assert f"{letter}: ready 100%" in result.stderr
    [document] = [each for each in user.shown("documents", "--status", "failed") if each["title"] == "broken.pdf"]
    watched = user("job", document["job_id"], "--watch", "--json")
    assert watched.exit_code == ExitCode.INGESTION_FAILED
    assert document["failure"]["reason"] in watched.stdout
    assert user("job", document["job_id"]).exit_code == ExitCode.OK


@pytest.mark.usefixtures("at_work")
def test_pages_that_could_not_be_read_are_named(user: CommandLine, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(
        pdf_with_lost_page("The keeper sleeps by day.", "Nobody reads this.", "The lamp burns by night.")
    )
    warning = "Page 2 could not be read and is empty."
    result = user("upload", damaged, "--wait")
    assert result.exit_code == ExitCode.OK
    assert f"damaged.pdf: {warning}" in result.stderr.splitlines()
    [document] = [each for each in user.shown("documents") if each["title"] == "damaged.pdf"]
    assert document["warnings"] == user.shown("job", document["job_id"])["warnings"] == [warning]
    for shown in (user("document", document["id"]), user("job", document["job_id"])):
        assert f"warnings {warning}" in [" ".join(line.split()) for line in shown.stdout.splitlines()]


def test_without_an_emulator_and_credentials_no_file_leaves_the_machine(
    user: CommandLine, letter: Path, tmp_path: Path
) -> None:
    nothing: dict[str, str | None] = {
        "STORAGE_EMULATOR_HOST": None,
        "GOOGLE_APPLICATION_CREDENTIALS": None,
        "CLOUDSDK_CONFIG": str(tmp_path),
        "NO_GCE_CHECK": "true",
    }
    assert user.refused("upload", letter, "--direct", **nothing) == (ExitCode.NOT_AUTHORISED, "UPLOAD_FORBIDDEN")
    assert "by Google Cloud" in user("upload", letter, "--direct", typed="", **nothing).stderr


def test_files_that_cannot_be_uploaded_are_a_usage_error(user: CommandLine, letter: Path, tmp_path: Path) -> None:
    for arguments in ((tmp_path / "nowhere.txt",), (tmp_path,), (letter, letter), (letter, "--name", "../../a"), ()):
        assert user.refused("upload", *arguments) == (ExitCode.USAGE, "USAGE")


@pytest.mark.usefixtures("at_work")
def test_a_document_is_processed_again_by_a_second_job(user: CommandLine, handbook: str) -> None:
    before = user.shown("document", handbook)
    job = user.shown("reprocess", handbook, "--wait")
    assert (job["status"], job["run"], job["progress"]) == ("succeeded", 2, 1.0)
    after = user.shown("document", handbook)
    assert (after["active_job_id"], after["chunks"]) == (job["id"], before["chunks"])
    assert job["id"] != before["active_job_id"]


def test_a_reprocessing_that_is_not_waited_for_is_told_at_once(user: CommandLine, handbook: str) -> None:
    assert user.shown("reprocess", handbook)["status"] == "queued"


def test_a_watched_job_is_told_by_lines_where_there_is_no_terminal(user: CommandLine, handbook: str) -> None:
    job = user.shown("document", handbook)["active_job_id"]
    result = user("job", job, "--watch")
    assert result.exit_code == ExitCode.OK
    assert result.stderr == f"job {job}: succeeded 100%\n"
    assert "succeeded" in result.stdout
    assert user.shown("job", job, "--watch")["status"] == "succeeded"


def test_a_watched_job_has_a_bar_on_a_terminal(user: CommandLine, handbook: str) -> None:
    job = user.shown("document", handbook)["active_job_id"]
    terminal, its_end = pty.openpty()
    environment = {name: value for name, value in user.environment.items() if value is not None}
    command = subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", "job", job, "--watch"],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120", **environment},
        stdout=subprocess.PIPE,
        stderr=its_end,
    )
    os.close(its_end)
    with command, ThreadPoolExecutor(1) as threads:
        drawn = threads.submit(_read_all, terminal)
        assert command.stdout is not None
        assert b"succeeded" in command.stdout.read()
    assert command.returncode == ExitCode.OK
    assert all(word in drawn.result() for word in (f"job {job}", "━" * 10, "100%", "succeeded"))


def _read_all(terminal: int) -> str:
    content = b""
    with os.fdopen(terminal, "rb", buffering=0) as stream:
        try:
            while piece := stream.read(4096):
                content += piece
        except OSError:
            # What Linux says where the other end is closed.
            return content.decode()
    return content.decode()


def test_a_document_is_deleted_once_it_is_agreed_to(installation: Installation, team: str, user: CommandLine) -> None:
    installation.ingest(f"{team}/docs/old.txt", "The old tower was 12 metres tall and fell in a storm.")
    document = next(each["id"] for each in user.shown("documents") if each["title"] == "old.txt")
    assert user("delete", document, typed="n\n").exit_code == ExitCode.FAILED
    assert user.refused("delete", document) == (ExitCode.USAGE, "USAGE")
    assert user.shown("document", document)["status"] == "ready"
    agreed = user("delete", document, typed="y\n")
    assert (agreed.exit_code, agreed.stdout) == (ExitCode.OK, "old.txt is deleted.\n")
    receipt = user.shown("deletions")[0]
    assert (receipt["document_id"], receipt["status"]) == (document, "pending")
    assert agreed.stderr.endswith(f"Its receipt: ai-infra deletion {receipt['id']}\n")
    assert user.shown("deletion", receipt["id"]) == receipt
    assert user.refused("document", document) == (ExitCode.NOT_FOUND, "DOCUMENT_NOT_FOUND")
    assert not installation.storage.bucket(installation.bucket).blob(f"{team}/docs/old.txt").exists()


@pytest.mark.usefixtures("at_work")
def test_a_deletion_is_waited_for_until_all_is_seen_to_be_gone(
    installation: Installation, team: str, user: CommandLine
) -> None:
    created = installation.caller(team)("POST", "/v1/projects/docs/documents", json={"title": "Old", "text": "Old."})
    assert created.json is not None
    document = created.json["id"]
    assert follow(user, document) == "ready"
    no_grace = "new.retired_at := new.retired_at - interval '1 hour'; return new;"
    with installation.triggered("ingestion_jobs", "before update of retired_at", no_grace):
        receipt = user.shown("delete", document, "--yes", "--wait")
    assert (receipt["document_id"], receipt["status"], receipt["object"]) == (document, "complete", "deleted")
    assert (receipt["jobs"], receipt["chunks"], receipt["vectors"], receipt["chunk_texts"]) == (1, 1, 1, 1)
    waited = user("deletion", receipt["id"], "--wait")
    assert waited.exit_code == ExitCode.OK
    assert waited.stderr == f"deletion {receipt['id']}: complete 100%\n"
    assert "complete" in waited.stdout


def follow(user: CommandLine, document: str) -> str:
    """How the document's newest job has ended."""
    user("job", user.shown("document", document)["job_id"], "--watch")
    return str(user.shown("document", document)["status"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("document", NOBODY), "DOCUMENT_NOT_FOUND"),
        (("document", "no id"), "DOCUMENT_NOT_FOUND"),
        (("document", "../projects"), "NOT_FOUND"),
        (("document", ".."), "NOT_FOUND"),
        (("documents", "--project", "gs://docs"), "NOT_FOUND"),
        (("delete", NOBODY, "--yes"), "DOCUMENT_NOT_FOUND"),
        (("deletion", NOBODY, "--wait"), "DELETION_NOT_FOUND"),
        (("deletions", "--project", "nowhere"), "PROJECT_NOT_FOUND"),
        (("reprocess", NOBODY, "--wait"), "DOCUMENT_NOT_FOUND"),
        (("job", NOBODY, "--watch"), "JOB_NOT_FOUND"),
        (("ask", QUESTION, "--project", "nowhere"), "PROJECT_NOT_FOUND"),
        (("documents", "--project", "nowhere"), "PROJECT_NOT_FOUND"),
    ],
)
def test_what_is_not_there_is_not_found(user: CommandLine, arguments: tuple[str, ...], reason: str) -> None:
    assert user.refused(*arguments) == (ExitCode.NOT_FOUND, reason)


def test_another_teams_document_is_not_found(installation: Installation, user: CommandLine, handbook: str) -> None:
    installation.project("strangers", "docs")
    refused = user.refused("document", handbook, AI_INFRA_KEY=installation.key("strangers"))
    assert refused == (ExitCode.NOT_FOUND, "DOCUMENT_NOT_FOUND")


def test_a_key_that_may_not_is_not_authorised(installation: Installation, team: str, user: CommandLine) -> None:
    unknown = f"aik_{'a' * 12}_{'b' * 43}"
    assert user.refused("documents", AI_INFRA_KEY=unknown) == (ExitCode.NOT_AUTHORISED, "KEY_INVALID")
    reader = installation.key(team, scopes=["read"])
    assert user.refused("ask", QUESTION, AI_INFRA_KEY=reader) == (ExitCode.NOT_AUTHORISED, "SCOPE_MISSING")


def test_a_question_that_the_api_refuses_fails(user: CommandLine) -> None:
    assert user.refused("ask", "x" * 5000) == (ExitCode.FAILED, "INVALID_FIELD")


def test_an_environment_that_is_not_set_is_a_usage_error(user: CommandLine) -> None:
    for name in ("AI_INFRA_URL", "AI_INFRA_KEY"):
        assert user.refused("documents", **{name: None}) == (ExitCode.USAGE, "CONFIGURATION")
    assert user.refused("documents", AI_INFRA_URL="nowhere") == (ExitCode.USAGE, "CONFIGURATION")
    assert user.refused("documents", AI_INFRA_KEY="ключ") == (ExitCode.USAGE, "CONFIGURATION")


def test_an_api_that_does_not_answer_is_unavailable(user: CommandLine) -> None:
    (port,) = free_ports(1)
    refused = user.refused("job", NOBODY, "--watch", AI_INFRA_URL=f"http://{LOOPBACK}:{port}")
    assert refused == (ExitCode.UNAVAILABLE, "UNREACHABLE")


def test_a_title_cannot_command_the_terminal(installation: Installation, team: str, user: CommandLine) -> None:
    title = "\x1b[2Jevil [bold]:smile:"
    api = installation.caller(team)
    project = installation.project(team, "titles").name
    api("POST", f"/v1/projects/{project}/documents", json={"title": title, "text": "Harmless."})
    shown = user("documents", "--project", project).stdout
    assert printable(title) in shown
    assert "\x1b" not in shown
    assert user.shown("documents", "--project", project)[0]["title"] == title
