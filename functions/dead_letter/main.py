"""Entry point of `dead_letter`: the dead-letter topic."""

from __future__ import annotations

import flask
import functions_framework

from common.bootstrap import starting
from common.delivery import Delivery, Response
from common.preflight import PIPELINE_DATABASE
from functions.dead_letter.use_case import keep_dead_letter

TOPIC = "dead-letter"

with starting(PIPELINE_DATABASE, function="dead_letter") as app:
    receiver = app.receiver


def work(delivery: Delivery) -> None:
    keep_dead_letter(delivery, database=app.database)


@functions_framework.http
def main(request: flask.Request) -> Response:
    return receiver.receive(request.get_data(), work, topic=TOPIC)
