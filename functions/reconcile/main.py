"""Entry point of `reconcile`: Cloud Scheduler."""

from __future__ import annotations

import logging
from dataclasses import asdict

import flask
import functions_framework

from common import notifications, telemetry, tracing
from common.bootstrap import starting
from common.errors import Retryable
from common.messages import DocumentRegistered, DocumentRetired
from common.preflight import PIPELINE_DATABASE, UPLOADS, publishes
from common.tracing import TRACEPARENT
from functions.reconcile.use_case import Reconcile

log = logging.getLogger(__name__)

with starting(
    PIPELINE_DATABASE,
    UPLOADS,
    publishes(notifications.TOPIC, DocumentRegistered.topic, DocumentRetired.topic),
    function="reconcile",
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
def main(request: flask.Request) -> tuple[dict[str, object], int]:
    with telemetry.scope(tracing.continued(request.headers.get(TRACEPARENT))):
        try:
            return asdict(reconcile()), 200
        except Retryable as error:
            log.warning("%s: %s", error.reason, error)
            return {"reason": error.reason, "message": error.message}, 503
