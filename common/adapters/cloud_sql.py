"""Cloud SQL for PostgreSQL through its connector: TLS certificates of an hour, logins by IAM and not by password."""

from __future__ import annotations

import asyncio
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError
from sqlalchemy import Engine, event

from common.adapters.postgres.connection import pooled
from common.cloud_settings import CloudSettings
from common.errors import ConfigurationError

_SCOPE = "https://www.googleapis.com/auth/sqlservice.admin"
_LOOPBACK = "127.0.0.1"


def connect(cloud: CloudSettings, *, concurrency: int) -> Engine:
    """A pool of as many connections as the instance serves requests, logged in as the service account.

    Nothing is called, no thread started, and the connector not loaded, before a connection is asked for: until then a
    server may still fork its workers. What a setting is to blame for is a `ConfigurationError` that names it; a fault
    that passes is `Retryable`.
    Disposing of the engine closes its connector.
    """
    if cloud.cloud_sql_api_endpoint and urlsplit(cloud.cloud_sql_api_endpoint).hostname != _LOOPBACK:
        raise ConfigurationError(
            f"AI_INFRA_CLOUD_SQL_API_ENDPOINT must be http://{_LOOPBACK}:PORT, or empty for Google's own."
        )
    dialler = _Dialler(cloud, _credentials())
    engine = pooled("postgresql+pg8000://", concurrency=concurrency, creator=dialler.dial)
    event.listen(engine, "engine_disposed", lambda _: dialler.close())
    return engine


def _credentials() -> Credentials:
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except DefaultCredentialsError as error:
        raise ConfigurationError(
            f"Run as a service account, or set GOOGLE_APPLICATION_CREDENTIALS to the file of one's key: {error}"
        ) from None
    return credentials


class _Dialler:
    """Opens connections. The connector works on an event loop in a thread of its own, which the first one starts."""

    def __init__(self, cloud: CloudSettings, credentials: Credentials) -> None:
        self._cloud = cloud
        self._credentials = credentials
        self._starting = Lock()
        self._thread: Thread | None = None

    def dial(self) -> Any:
        """A connection of pg8000's."""
        seconds = self._cloud.remote_seconds
        self._start()
        dialling = asyncio.run_coroutine_threadsafe(self._dial(), self._loop)
        try:
            connection = dialling.result(seconds)
        except Exception as error:
            dialling.cancel()
            from common.adapters.cloud_sql_errors import told  # noqa: PLC0415 - it needs the connector

            raise told(error, self._cloud) from error
        # Neither the connector nor pg8000 limits the time that such a connection waits for an answer.
        connection._usock.settimeout(seconds)  # noqa: SLF001
        return connection

    def close(self) -> None:
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join()
                self._loop.close()
                self._thread = None

    def _start(self) -> None:
        from google.cloud.sql.connector import Connector  # noqa: PLC0415 - half of what a light function would load

        with self._starting:
            # A forked worker does not have its parent's threads.
            if self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._connector = Connector(
                    loop=self._loop,
                    credentials=self._credentials,
                    refresh_strategy="lazy",
                    enable_iam_auth=True,
                    ip_type=self._cloud.cloud_sql_ip_type,
                    sqladmin_api_endpoint=self._cloud.cloud_sql_api_endpoint or None,
                )
                self._thread = Thread(target=self._loop.run_forever, name="cloud-sql", daemon=True)
                self._thread.start()

    async def _dial(self) -> Any:
        return await self._connector.connect_async(
            self._cloud.cloud_sql_instance,
            "pg8000",
            user=self._cloud.cloud_sql_user,
            db=self._cloud.cloud_sql_database,
            ssl_context=False,  # all of it is inside the connector's TLS already
        )

    async def _end(self) -> None:
        await self._connector.close_async()
        await self._loop.shutdown_default_executor()
