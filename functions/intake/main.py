"""Entry point of `intake`: OBJECT_FINALIZE notifications of the upload bucket."""

from __future__ import annotations

import flask
import functions_framework

from common import notifications
from common.bootstrap import starting
from common.delivery import Delivery, Response
from common.messages import DocumentRegistered
from common.preflight import PIPELINE_DATABASE, publishes
from functions.intake.use_case import take_in

with starting(PIPELINE_DATABASE, publishes(DocumentRegistered.topic), function="intake") as app:
    receiver = app.receiver


def work(delivery: Delivery) -> None:
    stored = notifications.decode(delivery.data, delivery.attributes).stored
    take_in(stored, database=app.database, publisher=app.publisher, default=app.job_settings)


@functions_framework.http
def main(request: flask.Request) -> Response:
    return receiver.receive(request.get_data(), work, topic=notifications.TOPIC)
