"""`ai-infra upload`: files into the bucket, past the API, which takes none."""

from __future__ import annotations

import mimetypes
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import click

from cli.api import Api, Json
from cli.commands import Command
from cli.connection import chosen_project, connect, project_option
from cli.documents import failure_sentence
from cli.exit_codes import ExitCode
from cli.following import follow_document
from cli.output import Output, pass_output, table
from cli.progress import Show, shown_progress
from common.bootstrap import upload_store
from common.model.documents import DocumentStatus, StoredObject, document_id
from common.ports import ObjectStore

EMULATOR = "STORAGE_EMULATOR_HOST"
# https://cloud.google.com/storage/docs/objects#naming
_MAX_NAME_BYTES = 1024
_HEADERS = ("DOCUMENT", "STATUS", "PAGES", "CHUNKS", "FILE")


@dataclass(frozen=True)
class Uploaded:
    """A file that is in the bucket."""

    file: Path
    stored: StoredObject
    document_id: str


@click.command(cls=Command)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
)
@project_option
@click.option("--name", help="Path of the object in the project, for a single file; default: the file's name.")
@click.option("--prefix", default="", help="Folder of the objects in the project.")
@click.option("--wait", is_flag=True, help="Follow until all are ready or failed; exit code 7 if one failed.")
@pass_output
def upload(
    output: Output, files: tuple[Path, ...], project: str | None, name: str | None, prefix: str, *, wait: bool
) -> ExitCode:
    """Upload files into a project.

    The API says which bucket; the files go there directly: to the emulator at STORAGE_EMULATOR_HOST where that is set
    (a stack on this machine), else to Google Cloud with the application default credentials. A name that is taken gets
    a new generation, which replaces the old one's answers when it is ready.
    """
    api = connect()
    place = api.project(chosen_project(api, project))
    names = object_names(files, name, prefix, place["object_prefix"])
    emulator = os.environ.get(EMULATOR, "")
    way = f"the storage emulator at {emulator}" if emulator else "Google Cloud, with application default credentials"
    output.note(f"Uploading to gs://{place['bucket']}/{place['object_prefix']} by {way}.")
    uploaded = []
    for each in _uploads(upload_store(anonymous=bool(emulator)), place, files, names):
        output.note(f"{each.file} is in the bucket.")
        uploaded.append(each)
    documents = _followed(api, uploaded, output) if wait else {}
    _show(output, uploaded, documents, way)
    failed = [each for each in documents.values() if each["status"] == DocumentStatus.FAILED]
    for document in failed:
        output.note(f"{document['title']} failed: {failure_sentence(document)}")
    return ExitCode.INGESTION_FAILED if failed else ExitCode.OK


def object_names(files: Sequence[Path], name: str | None, prefix: str, project_prefix: str) -> list[str]:
    """The objects' names, each file's another. Raises `click.UsageError`."""
    if name is not None and len(files) > 1:
        raise click.UsageError("--name is for a single file; use --prefix for several.")
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    paths = [folder + (file.name if name is None else name) for file in files]
    if twice := [path for path, count in Counter(paths).items() if count > 1]:
        raise click.UsageError(f"Several files would become the object {twice[0]!r}.")
    for path in paths:
        _check(path, project_prefix)
    return [project_prefix + path for path in paths]


def _check(path: str, project_prefix: str) -> None:
    if not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise click.UsageError(f"{path!r} cannot name an object: a part of it is empty, `.` or `..`.")
    if not path.isprintable():
        raise click.UsageError(f"{path!r} cannot name an object: it holds what cannot be printed.")
    if len((project_prefix + path).encode()) > _MAX_NAME_BYTES:
        raise click.UsageError(f"{path!r} cannot name an object: with the project it has over {_MAX_NAME_BYTES} bytes.")


def _uploads(store: ObjectStore, place: Json, files: Sequence[Path], names: Sequence[str]) -> Iterator[Uploaded]:
    for file, name in zip(files, names, strict=True):
        kind = mimetypes.guess_file_type(name)[0] or "application/octet-stream"
        stored = store.upload_file(place["bucket"], name, file, kind)
        yield Uploaded(file, stored, str(document_id(UUID(place["id"]), stored.bucket, stored.name)))


def _followed(api: Api, uploaded: Sequence[Uploaded], output: Output) -> dict[str, Json]:
    with shown_progress(output) as show:
        return {each.document_id: _follow(api, each, show) for each in uploaded}


def _follow(api: Api, each: Uploaded, show: Show) -> Json:
    return follow_document(api, each.document_id, show, generation=each.stored.generation, name=str(each.file))


def _show(output: Output, uploaded: Sequence[Uploaded], documents: dict[str, Json], way: str) -> None:
    result = [
        {
            "file": str(each.file),
            "uri": each.stored.uri,
            "generation": each.stored.generation,
            "size": each.stored.size,
            "way": way,
            "document_id": each.document_id,
            "document": documents.get(each.document_id),
        }
        for each in uploaded
    ]
    output.show(result, table(_HEADERS, [_row(each, documents.get(each.document_id)) for each in uploaded]))


def _row(each: Uploaded, document: Json | None) -> Sequence[object]:
    if document is None:
        return (each.document_id, DocumentStatus.UPLOADED, None, None, each.file)
    return (each.document_id, document["status"], document["pages"], document["chunks"], each.file)
