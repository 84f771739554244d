"""Deletions: the receipts of what was deleted."""

from __future__ import annotations

import flask

from common import telemetry
from common.api_keys import READ
from functions.api.context import ApiContext, answer, identifier, project_of
from functions.api.errors import not_found
from functions.api.paging import listed


def deletion_routes(context: ApiContext) -> flask.Blueprint:
    """`/v1/deletions` and the deletions of a project."""
    routes = flask.Blueprint("deletions", __name__)

    @routes.get("/v1/deletions/<deletion>")
    def _get(deletion: str) -> flask.Response:
        key = context.key(READ)
        with context.database.transaction(key.team_id) as transaction:
            found = transaction.catalog.deletion(identifier("deletion", deletion))
        if found is None or key.project_id not in {None, found.project_id}:
            raise not_found("deletion", deletion)
        telemetry.bind(document_id=found.document_id)
        return answer(found)

    @routes.get("/v1/projects/<project>/deletions")
    def _list(project: str) -> flask.Response:
        key = context.key(READ)
        with context.database.transaction(key.team_id) as transaction:
            record = project_of(transaction, key, project)
            return answer(
                listed(
                    flask.request,
                    context.settings.max_page_size,
                    "deletions",
                    lambda page: transaction.catalog.deletions(record.id, page),
                )
            )

    return routes
