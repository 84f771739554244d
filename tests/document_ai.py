"""A stand-in for Document AI over HTTP, which reads pages by the OCR that `chunk` has on one machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

import flask
import PIL.Image
import requests
from werkzeug.serving import make_server

from common.adapters.document_ai import DocumentAiPageReader
from common.adapters.rapid_ocr import RapidPageReader
from common.adapters.vertex.calls import Calls
from common.extraction.pages import PageImage
from local.ports import LOOPBACK, free_ports
from tests.vertex import RETRY_SECONDS, SkippedTime

PROCESSOR = "projects/test-project/locations/eu/processors/0123456789abcdef"


@dataclass
class DocumentAi:
    """Where it is, how many pages it was asked for, and what it answers for the next ones instead of their text."""

    endpoint: str
    asked: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)

    def process(self, read: Callable[[PageImage], list[str]], request: object) -> flask.Response:
        self.asked += 1
        if self.failures:
            return refused(*self.failures.pop(0))
        match request:
            case {"rawDocument": {"mimeType": "image/png", "content": str(content)}, "fieldMask": "text"}:
                try:
                    image = decoded(base64.b64decode(content, validate=True))
                except (OSError, ValueError):
                    return refused(400, "Unable to read the image.")
                lines = read(image)
                document = {"text": "".join(f"{line}\n" for line in lines)} if lines else {}
                return flask.Response(json.dumps({"document": document}), mimetype="application/json")
        return refused(400, "Invalid request.")


def refused(status: int, message: str) -> flask.Response:
    return flask.Response(json.dumps({"error": {"code": status, "message": message}}), status=status)


def decoded(content: bytes) -> PageImage:
    with PIL.Image.open(BytesIO(content)) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return PageImage(width=image.width, height=image.height, pixels=image.tobytes())


def page_reader(endpoint: str, processor: str = PROCESSOR) -> DocumentAiPageReader:
    """The adapter, whose waits are over at once."""
    clock = SkippedTime()
    calls = Calls(None, 60.0, RETRY_SECONDS, clock, clock.now)
    return DocumentAiPageReader(requests.Session, calls, endpoint=endpoint, processor=processor)


@contextmanager
def running_document_ai() -> Iterator[DocumentAi]:
    """It knows one processor."""
    (port,) = free_ports(1)
    stand_in = DocumentAi(f"http://{LOOPBACK}:{port}")
    reader = RapidPageReader()
    app = flask.Flask("document_ai")

    @app.post(f"/v1/{PROCESSOR}:process")
    def _process() -> flask.Response:
        return stand_in.process(reader, flask.request.get_json())

    server = make_server(LOOPBACK, port, app)
    with ThreadPoolExecutor(1) as threads:
        serving = threads.submit(server.serve_forever)
        try:
            yield stand_in
        finally:
            server.shutdown()
        serving.result()
    server.server_close()
