"""Ingestion jobs."""

from __future__ import annotations

import flask

from common.api_keys import READ
from functions.api.context import ApiContext, answer, identifier
from functions.api.documents import visible_document
from functions.api.errors import not_found
from functions.api.paging import listed


def job_routes(context: ApiContext) -> flask.Blueprint:
    """`/v1/jobs` and the jobs of a document."""
    routes = flask.Blueprint("jobs", __name__)

    @routes.get("/v1/jobs/<job>")
    def _get(job: str) -> flask.Response:
        key = context.key(READ)
        with context.database.transaction(key.team_id) as transaction:
            found = transaction.catalog.job(identifier("job", job))
        if found is None or key.project_id not in {None, found[1]}:
            raise not_found("job", job)
        return answer(found[0])

    @routes.get("/v1/documents/<document>/jobs")
    def _list(document: str) -> flask.Response:
        key = context.key(READ)
        with context.database.transaction(key.team_id) as transaction:
            record = visible_document(transaction, key, document)
            return answer(
                listed(
                    flask.request,
                    context.settings.max_page_size,
                    "jobs",
                    lambda page: transaction.catalog.jobs(record.id, page),
                )
            )

    return routes
