"""Projects, and where to drop files for them."""

from __future__ import annotations

from typing import Any

import flask
import msgspec

from common.api_keys import READ
from common.catalog import ProjectRecord
from functions.api.context import ApiContext, answer, project_of
from functions.api.paging import listed


def project_routes(context: ApiContext) -> flask.Blueprint:
    """`/v1/projects`."""
    routes = flask.Blueprint("projects", __name__)

    def shown(project: ProjectRecord) -> dict[str, Any]:
        return {
            **msgspec.structs.asdict(project),
            "bucket": context.settings.upload_bucket,
            "object_prefix": f"{project.team}/{project.name}/",
        }

    @routes.get("/v1/projects")
    def _list() -> flask.Response:
        key = context.key(READ)
        with context.database.transaction(key.team_id) as transaction:
            page = listed(
                flask.request,
                context.settings.max_page_size,
                "projects",
                lambda page: transaction.catalog.projects(page, key.project_id),
            )
        return answer({**page, "projects": [shown(project) for project in page["projects"]]})

    @routes.get("/v1/projects/<project>")
    def _get(project: str) -> flask.Response:
        key = context.key(READ)
        with context.database.transaction(key.team_id) as transaction:
            return answer(shown(project_of(transaction, key, project)))

    return routes
