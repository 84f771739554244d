"""Entry point of `reconcile`: Cloud Scheduler."""

from __future__ import annotations

from dataclasses import asdict

import flask
import functions_framework

from common import notifications
from common.bootstrap import starting
from common.errors import Retryable
from common.messages import DocumentRegistered, DocumentRetired
from common.preflight import PIPELINE_DATABASE, UPLOADS, publishes
from functions.reconcile.use_case import Reconcile

with starting(
    PIPELINE_DATABASE, UPLOADS, publishes(notifications.TOPIC, DocumentRegistered.topic, DocumentRetired.topic)
) as app:
    reconcile = Reconcile(
        database=app.database,
        objects=app.objects,
        publisher=app.publisher,
        upload_bucket=app.settings.upload_bucket,
        stalled_seconds=app.settings.stalled_seconds,
        grace_seconds=app.settings.purge_grace_seconds,
        limit=app.settings.reconcile_limit,
    )


@functions_framework.http
def main(_: flask.Request) -> tuple[dict[str, object], int]:
    try:
        return asdict(reconcile()), 200
    except Retryable as error:
        return {"reason": error.reason, "message": error.message}, 503
