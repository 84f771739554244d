"""Entry point of `reconcile`: Cloud Scheduler."""

from __future__ import annotations

from dataclasses import asdict

import flask
import functions_framework

from common import notifications, telemetry, tracing
from common.bootstrap import starting
from common.messages import DocumentRegistered, DocumentRetired, UrlRequested
from common.preflight import PIPELINE_DATABASE, UPLOADED, UPLOADS, publishes
from common.tracing import TRACEPARENT
from functions.reconcile.use_case import Reconcile

with starting(
    PIPELINE_DATABASE,
    UPLOADS,
    UPLOADED,
    publishes(notifications.TOPIC, DocumentRegistered.topic, DocumentRetired.topic, UrlRequested.topic),
    function="reconcile",
) as app:
    reconcile = Reconcile(
        database=app.database,
        objects=app.objects,
        publisher=app.publisher,
        clock=app.clock,
        upload_bucket=app.settings.upload_bucket,
        stalled_seconds=app.settings.stalled_seconds,
        grace_seconds=app.settings.purge_grace_seconds,
        query_log_seconds=app.settings.query_log_seconds,
        failed_message_seconds=app.settings.failed_message_seconds,
        fetch_log_seconds=app.settings.fetch_log_seconds,
        seconds=app.settings.reconcile_seconds,
        limit=app.settings.reconcile_limit,
        objects_limit=app.settings.reconcile_objects,
    )


@functions_framework.http
def main(request: flask.Request) -> tuple[dict[str, object], int]:
    with telemetry.scope(tracing.continued(request.headers.get(TRACEPARENT))):
        done = reconcile()
    answer = {**asdict(done), "exhausted": done.exhausted}
    if not done.failed:
        return answer, 200
    return {**answer, "reason": done.failed[0].reason, "message": done.failed[0].message}, 503
