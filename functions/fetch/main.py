"""Entry point of `fetch`: `url-requested` messages."""

from __future__ import annotations

import flask
import functions_framework

from common.bootstrap import starting
from common.delivery import Delivery, Response, decode_message
from common.messages import UrlRequested
from common.preflight import PIPELINE_DATABASE, UPLOADED, UPLOADS
from functions.fetch.use_case import FetchUrl

with starting(PIPELINE_DATABASE, UPLOADS, UPLOADED, function="fetch") as app:
    receiver = app.receiver
    fetch_url = FetchUrl(database=app.database, objects=app.objects, web=app.web)


def work(delivery: Delivery) -> None:
    fetch_url(decode_message(UrlRequested, delivery))


@functions_framework.http
def main(request: flask.Request) -> Response:
    return receiver.receive(request.get_data(), work, topic=UrlRequested.topic)
