"""From files in the bucket to cited answers, over HTTP alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from cli.api import ApiFailure
from local.stack import Stack
from tests.e2e.team import Team, bucket, eventually, superuser

LEAVE = "# Leave\n\n## Parental leave\n\nParental leave at Harbour Lights lasts eighteen weeks and is fully paid.\n"


def test_a_file_that_is_put_into_the_bucket_answers_a_question(team: Team) -> None:
    team.put("handbook/leave.md", LEAVE)
    document = team.finished(["leave.md"])["leave.md"]
    assert (document["status"], document["mime_type"], document["source_type"]) == ("ready", "text/markdown", "upload")
    answer = team.api.ask(team.project, "How long is parental leave?")
    assert answer["grounded"]
    (citation, *_) = answer["citations"]
    assert "eighteen weeks" in citation["quote"]
    whole = team.api.text(document["id"])["text"]
    assert whole[citation["char_start"] : citation["char_end"]] == citation["quote"]


def test_a_file_copied_into_the_drop_folder_answers_and_no_longer_once_it_is_deleted(stack: Stack) -> None:
    team = Team.created(stack, "droppers")
    file = stack.drop_folder / team.name / team.project / "leave.md"
    file.parent.mkdir(parents=True)
    file.write_text(LEAVE)
    assert team.finished(["leave.md"])["leave.md"]["status"] == "ready"
    assert team.api.ask(team.project, "How long is parental leave?")["grounded"]
    file.unlink()
    eventually(lambda: True if not team.api.documents(team.project) else None, "the document to be gone")
    assert team.api.ask(team.project, "How long is parental leave?")["refusal_reason"] == "PROJECT_EMPTY"


def test_a_new_generation_takes_the_place_of_the_old_one(team: Team) -> None:
    team.put("leave.md", LEAVE)
    team.finished(["leave.md"])
    generation = team.put("leave.md", LEAVE.replace("eighteen", "twenty"))

    def live() -> bool | None:
        (document,) = team.api.documents(team.project)
        return True if document["generation"] == generation and document["status"] == "ready" else None

    eventually(live, "the new generation")
    quotes = [citation["quote"] for citation in team.api.ask(team.project, "How long is parental leave?")["citations"]]
    assert any("twenty weeks" in quote for quote in quotes)
    assert not any("eighteen" in quote for quote in quotes)


def test_a_document_made_of_a_text_becomes_ready_and_can_be_processed_again(team: Team) -> None:
    created = team.api.create_document(team.project, "Leave rules", LEAVE)
    assert created["source_type"] == "manual"
    assert team.finished(["Leave rules"])["Leave rules"]["status"] == "ready"
    job = team.api.reprocess(created["id"])
    assert job["run"] == 2
    eventually(lambda: True if team.api.job(job["id"])["status"] == "succeeded" else None, "the second job")
    assert team.api.document(created["id"])["active_job_id"] == job["id"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("broken.pdf", b"%PDF-1.7\n1 0 obj\n<< garbage", "CORRUPT_PDF"),
        ("empty.txt", b"", "EMPTY_FILE"),
        ("picture.pdf", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "UNSUPPORTED_TYPE"),
        ("blank.txt", b" \n\n \t ", "NO_TEXT"),
    ],
)
def test_a_file_that_cannot_be_used_ends_failed_with_a_reason(
    team: Team, name: str, content: bytes, reason: str
) -> None:
    team.put(name, content)
    document = team.finished([name])[name]
    assert document["status"] == "failed"
    assert document["failure"]["reason"] == reason
    assert document["failure"]["stage"] == "chunk"
    assert document["failure"]["message"].endswith((".", "?"))


def test_an_object_of_an_unknown_team_is_kept_and_taken_up_when_the_team_is_made(stack: Stack) -> None:
    name = "latecomers/docs/leave.md"
    bucket(stack).blob(name).upload_from_string(LEAVE)
    engine = superuser(stack)

    def kept() -> str | None:
        with engine.connect() as connection:
            query = text("select reason from unrouted_objects where object_name = :name")
            return connection.execute(query, {"name": name}).scalar_one_or_none()

    assert eventually(kept, "the object on record") == "UNKNOWN_TEAM"
    team = Team.created(stack, "latecomers")
    assert team.finished(["leave.md"])["leave.md"]["status"] == "ready"
    assert kept() is None
    engine.dispose()


def test_two_teams_with_the_same_file_never_see_each_other(stack: Stack, team: Team) -> None:
    other = Team.created(stack)
    for each in (team, other):
        each.put("leave.md", LEAVE)
    documents = {each.name: each.finished(["leave.md"])["leave.md"]["id"] for each in (team, other)}
    assert len(set(documents.values())) == 2
    cited = {c["document_id"] for c in team.api.ask(team.project, "How long is parental leave?")["citations"]}
    assert cited == {documents[team.name]}
    with pytest.raises(ApiFailure) as refused:
        team.api.document(documents[other.name])
    assert refused.value.code == 404
    with pytest.raises(ApiFailure) as refused:
        team.api.ask(str(other.project_id), "How long is parental leave?")
    assert refused.value.code == 404


def test_the_example_pdf_is_read_page_by_page(stack: Stack, team: Team, root: Path) -> None:
    place = stack.drop_folder / team.name / team.project
    place.mkdir(parents=True)
    shutil.copy(root / "examples" / "documents" / "fhs-3.0.pdf", place / "fhs.pdf")
    document = team.finished(["fhs.pdf"])["fhs.pdf"]
    assert (document["status"], document["pages"]) == ("ready", 50)
    chunks = team.api.chunks(document["id"])
    whole = team.api.text(document["id"])["text"]
    assert [chunk["index"] for chunk in chunks] == list(range(document["chunks"]))
    assert all(whole[chunk["char_start"] : chunk["char_end"]] == chunk["text"] for chunk in chunks)
    assert (chunks[0]["char_start"], chunks[-1]["char_end"]) == (0, len(whole))
