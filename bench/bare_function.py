"""The least a function with a database loads: the framework, SQLAlchemy and the driver."""

from __future__ import annotations

import flask
import functions_framework
import pg8000  # noqa: F401 - what it costs is what is measured
import sqlalchemy  # noqa: F401


@functions_framework.http
def main(_: flask.Request) -> str:
    return ""
