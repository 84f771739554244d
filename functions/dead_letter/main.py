"""Entry point of `dead_letter`: the dead-letter topic."""

from __future__ import annotations

import flask
import functions_framework

from common.bootstrap import application
from common.delivery import Delivery, Response
from functions.dead_letter.use_case import keep_dead_letter

TOPIC = "dead-letter"

app = application()


def work(delivery: Delivery) -> None:
    keep_dead_letter(delivery, database=app.database)


@functions_framework.http
def main(request: flask.Request) -> Response:
    return app.receiver.receive(request.get_data(), work, topic=TOPIC)
