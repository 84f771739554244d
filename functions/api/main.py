"""Entry point of `api`: one Flask app behind one functions-framework target."""

from __future__ import annotations

import flask
import functions_framework
import werkzeug

from common.bootstrap import starting
from common.messages import DocumentRegistered, DocumentRetired, UrlRequested
from common.preflight import EMBEDDER, EXTRACTIONS, INDEX_SEARCH, TEAM_DATABASE, TEXT_READS, UPLOADS, publishes
from functions.api.app import create_app
from functions.api.context import ApiContext

# Not the generator: that would cost a generation at each start, and it has the embedder's project, region and role.
CHECKS = (
    TEAM_DATABASE,
    UPLOADS,
    EXTRACTIONS,
    EMBEDDER,
    INDEX_SEARCH,
    TEXT_READS,
    publishes(DocumentRegistered.topic, DocumentRetired.topic, UrlRequested.topic),
)

with starting(*CHECKS, function="api") as services:
    app = create_app(
        ApiContext(
            database=services.team_database,
            objects=services.objects,
            publisher=services.publisher,
            embedder=services.embedder,
            index=services.index,
            texts=services.texts,
            generator=services.generator,
            peppers=services.settings.peppers,
            settings=services.settings,
            job_settings=services.job_settings,
        )
    )


@functions_framework.http
def main(request: flask.Request) -> werkzeug.Response:
    return werkzeug.Response.from_app(app, request.environ)
