"""The naive way: one module that imports every SDK of the system at top level, whatever the function uses."""
# ruff: noqa: F401 - what they cost is what is measured

from __future__ import annotations

import flask
import functions_framework
import google.cloud.aiplatform
import google.cloud.firestore
import google.cloud.pubsub_v1
import google.cloud.sql.connector
import google.cloud.storage
import pg8000
import sqlalchemy


@functions_framework.http
def main(_: flask.Request) -> str:
    return ""
