"""`ai-infra upload`: files into the bucket, past the API, which takes none but opens the way for who has no account."""

from __future__ import annotations

import mimetypes
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
from cli.metadata import metadata_option
from cli.output import Output, pass_output, table
from cli.progress import Show, shown_progress
from cli.sending import send
from common import names as object_naming
from common.bootstrap import upload_store
from common.errors import AiInfraError
from common.model.documents import DocumentStatus, StoredObject, document_id
from common.ports import ObjectStore

EMULATOR = "STORAGE_EMULATOR_HOST"
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
@metadata_option("Noted on the documents, which are found by it; may be repeated.")
@click.option("--direct", is_flag=True, help="Write to the bucket as your own Google account.")
@click.option("--wait", is_flag=True, help="Follow until all are ready or failed; exit code 7 if one failed.")
@pass_output
def upload(
    output: Output,
    files: tuple[Path, ...],
    project: str | None,
    name: str | None,
    prefix: str,
    *,
    metadata: dict[str, str],
    direct: bool,
    wait: bool,
) -> ExitCode:
    """Upload files into a project.

    The API opens an upload of the bucket for each, to which the file is then sent: no account but the API key is
    needed. With --direct they are written with the application default credentials, and where STORAGE_EMULATOR_HOST is
    set to the emulator there (a stack on this machine). A name that is taken gets a new generation, which replaces the
    old one's answers when it is ready.
    """
    api = connect()
    place = api.project(chosen_project(api, project))
    names = object_names(files, name, prefix, place["object_prefix"])
    emulator = os.environ.get(EMULATOR, "")
    way = _way(emulator, direct=direct)
    output.note(f"Uploading to gs://{place['bucket']}/{place['object_prefix']} by {way}.")
    uploaded = []
    store = upload_store(anonymous=bool(emulator)) if emulator or direct else None
    for each in _uploads(api, place, files, names, store, metadata=metadata):
        output.note(f"{each.file} is in the bucket.")
        uploaded.append(each)
    documents = _followed(api, uploaded, output) if wait else {}
    _show(output, uploaded, documents, way)
    failed = [each for each in documents.values() if each["status"] == DocumentStatus.FAILED]
    for document in failed:
        output.note(f"{document['title']} failed: {failure_sentence(document)}")
    for document in documents.values():
        for warning in document["warnings"]:
            output.note(f"{document['title']}: {warning}")
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
    try:
        object_naming.check_path(path, project_prefix)
    except AiInfraError as error:
        raise click.UsageError(error.message) from None


def _way(emulator: str, *, direct: bool) -> str:
    if emulator:
        return f"the storage emulator at {emulator}"
    return "Google Cloud, with application default credentials" if direct else "an upload that the API opens"


def _uploads(
    api: Api,
    place: Json,
    files: Sequence[Path],
    names: Sequence[str],
    store: ObjectStore | None,
    *,
    metadata: Mapping[str, str],
) -> Iterator[Uploaded]:
    for file, name in zip(files, names, strict=True):
        kind = mimetypes.guess_file_type(name)[0] or "application/octet-stream"
        if store is None:
            stored = _sent(api, place, file, name, kind, metadata=metadata)
        else:
            stored = store.upload_file(place["bucket"], name, file, kind, metadata)
        yield Uploaded(file, stored, str(document_id(UUID(place["id"]), stored.bucket, stored.name)))


def _sent(api: Api, place: Json, file: Path, name: str, kind: str, *, metadata: Mapping[str, str]) -> StoredObject:
    size = file.stat().st_size
    opened = api.open_upload(place["id"], name.removeprefix(place["object_prefix"]), size, kind, metadata)
    made = send(file, opened["upload_url"], size)
    return StoredObject(opened["bucket"], opened["object_name"], int(made["generation"]), size, kind)


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
