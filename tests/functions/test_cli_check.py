"""`ai-infra admin check`, on a real installation, under an operator's login."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest

from cli.exit_codes import ExitCode
from common.preflight import FOR_OPERATORS
from common.split_store import object_name
from tests.functions.command_line import CommandLine, operator
from tests.functions.inspecting import OTHER, TEXT, Place
from tests.functions.installation import Installation

_numbers = count(1)


@pytest.fixture
def admin(installation: Installation) -> CommandLine:
    return operator(installation)


@pytest.fixture
def place(installation: Installation) -> Place:
    """A project with a document that answers, in a team of its own."""
    team = f"team-{next(_numbers)}"
    place = Place(installation, installation.project(team, "docs"), f"{team}/docs/{uuid4()}.md")
    place.live()
    return place


def break_it(place: Place) -> dict[str, Any]:
    """A chunk row is lost. Returns the document."""
    [document] = place.installation.rows("select * from documents where object_name = :name", name=place.name)
    place.installation.rows(
        "delete from document_chunks where document_id = :id and chunk_index = 1", id=document["id"]
    )
    return document


def checked(admin: CommandLine, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code and result."""
    result = admin("admin", "check", "--settle", "0", "--json", *options)
    assert result.stderr == "", result.output
    return result.exit_code, json.loads(result.stdout)


def test_where_all_is_well_the_check_says_what_it_looked_at(admin: CommandLine, place: Place) -> None:
    code, said = checked(admin, "--team", place.project.team)
    assert code == ExitCode.OK
    assert [each["part"] for each in said.pop("parts")] == [check.part for check in FOR_OPERATORS]
    assert said == {
        "documents": 1,
        "objects": 1,
        "jobs": 1,
        "chunks": 3,
        "in_flight": 0,
        "at_rest": True,
        "violations": [],
        "repaired": [],
    }


def test_a_person_is_told_in_a_line(admin: CommandLine, place: Place) -> None:
    lines = admin("admin", "check", "--team", place.project.team).stdout.splitlines()
    assert lines[0].split() == ["PART", "STATE"]
    assert lines[-1] == "1 document, 1 object, 1 job, 3 chunks; nothing in flight; no violations."


def test_a_violation_is_told_with_what_mends_it_and_is_an_exit_code_of_its_own(
    admin: CommandLine, place: Place
) -> None:
    document = break_it(place)
    code, said = checked(admin, "--team", place.project.team)
    assert code == ExitCode.VIOLATED
    [violation] = said["violations"]
    assert {name: violation[name] for name in ("invariant", "reason", "remedy", "subject", "document_id")} == {
        "invariant": 2,
        "reason": "CHUNKS_MISSING",
        "remedy": "reprocess",
        "subject": f"job {document['active_job_id']}",
        "document_id": str(document["id"]),
    }
    told = admin("admin", "check", "--settle", "0", "--team", place.project.team)
    assert told.exit_code == ExitCode.VIOLATED
    assert all(
        word in told.stdout for word in ("CHUNKS_MISSING", "reprocess", place.name, "process the document again")
    )
    assert told.stdout.splitlines()[-1].endswith("1 violation.")
    assert place.installation.topics.take() == []


def test_a_repair_sends_it_on_its_way_and_the_next_check_is_clean(admin: CommandLine, place: Place) -> None:
    break_it(place)
    code, said = checked(admin, "--team", place.project.team, "--repair")
    assert code == ExitCode.VIOLATED
    assert said["parts"][-1] == {"part": "topics", "answers": True, "state": "answers"}
    [done] = said["repaired"]
    assert (done["reason"], done["sent"]) == ("CHUNKS_MISSING", True)
    place.installation.run()
    code, said = checked(admin, "--team", place.project.team, "--repair")
    assert (code, said["violations"], said["repaired"], said["in_flight"]) == (ExitCode.OK, [], [], 1)


def test_a_person_is_told_what_was_sent_and_when_to_check_again(admin: CommandLine, place: Place) -> None:
    break_it(place)
    lines = admin("admin", "check", "--settle", "0", "--team", place.project.team, "--repair").stdout.splitlines()
    assert lines[-1] == "Check again in a few minutes: what was sent is on its way."
    assert "opened job" in lines[-2]


def test_an_operator_may_take_a_deleted_project_out_of_the_answers(admin: CommandLine, place: Place) -> None:
    deleted = "update projects set deleted_at = now() - interval '1 hour' where id = :id"
    place.installation.rows(deleted, id=place.project.id)
    code, said = checked(admin, "--team", place.project.team, "--repair")
    assert (code, [each["reason"] for each in said["violations"]]) == (ExitCode.VIOLATED, ["DELETION_OVERDUE"])
    assert [each["sent"] for each in said["repaired"]] == [True]
    [document] = place.installation.rows("select * from documents where object_name = :name", name=place.name)
    assert document["active_job_id"] is None


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_check_can_be_limited_to_a_team_or_a_project(admin: CommandLine, place: Place, by: str) -> None:
    other = place.installation.project(place.project.team, "other")
    break_it(place)
    place.installation.upload(f"{other.team_id}/{other.id}/by-id.md", TEXT)
    team = {"name": place.project.team, "id": str(place.project.team_id)}[by]
    found = {
        project: checked(admin, "--team", team, "--project", {"name": project.name, "id": str(project.id)}[by])
        for project in (place.project, other)
    }
    assert [(code, said["documents"], said["objects"]) for code, said in found.values()] == [
        (ExitCode.VIOLATED, 1, 1),
        (ExitCode.OK, 0, 1),
    ]
    code, said = checked(admin, "--team", team)
    assert (code, said["documents"], said["objects"]) == (ExitCode.VIOLATED, 1, 2)


def test_what_was_purged_for_good_can_be_left_out(admin: CommandLine, place: Place) -> None:
    old = place.live()
    place.live(OTHER)
    place.purge(old)
    place.change("update ingestion_jobs set purge_closed = true, next_purge_at = null where id = :job", old)
    extractions = place.installation.storage.bucket(place.installation.extraction_bucket)
    extractions.blob(object_name(UUID(old["job_id"]))).upload_from_string(b"late")
    assert checked(admin, "--team", place.project.team, "--recent")[0] == ExitCode.OK
    code, said = checked(admin, "--team", place.project.team)
    assert (code, [each["reason"] for each in said["violations"]]) == (ExitCode.VIOLATED, ["LEFTOVERS"])


def test_a_part_that_does_not_answer_ends_the_check_before_anything_is_compared(
    admin: CommandLine, place: Place
) -> None:
    break_it(place)
    result = admin("admin", "check", "--json", AI_INFRA_EXTRACTION_BUCKET="no-such-bucket")
    assert result.exit_code == ExitCode.USAGE
    said = json.loads(result.stdout)
    assert list(said) == ["parts"]
    assert [each["part"] for each in said["parts"] if not each["answers"]] == ["extraction bucket"]


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        (("--project", "docs"), (ExitCode.USAGE, "USAGE")),
        (("--parts", "--repair"), (ExitCode.USAGE, "USAGE")),
        (("--team", "nobody"), (ExitCode.NOT_FOUND, "NOT_FOUND")),
        (("--settle", "-1"), (ExitCode.USAGE, "USAGE")),
    ],
)
def test_what_cannot_be_checked_is_refused(
    admin: CommandLine, options: tuple[str, ...], refused: tuple[int, str]
) -> None:
    assert admin.refused("admin", "check", *options) == refused
