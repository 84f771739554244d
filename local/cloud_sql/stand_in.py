"""The stand-in whole: one event loop for the Admin API and the proxy, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from local.cloud_sql.accounts import ServiceAccounts
from local.cloud_sql.admin_api import AdminApi, Instance
from local.cloud_sql.certificates import CertificateAuthority
from local.cloud_sql.counts import Counts
from local.cloud_sql.proxy import Proxy, listen
from local.ports import LOOPBACK


class CloudSqlStandIn:
    """Serves while its context is entered; `endpoint` is the Admin API's, for AI_INFRA_CLOUD_SQL_API_ENDPOINT."""

    def __init__(
        self, connection_name: str, *, postgres_port: int, names: Iterable[str], keys: Path, port: int = 0
    ) -> None:
        """Writes a key for each service account of these names: `keys`/NAME.json. `port` 0 takes a free one.

        Raises OSError if the port cannot be bound, `StartError` (NO_ADDRESS) if the proxy's cannot be.
        """
        names = list(names)
        self._api_listener = socket.create_server((LOOPBACK, port))
        self._proxy_listener = listen()
        self.endpoint = f"http://{LOOPBACK}:{self._api_listener.getsockname()[1]}"
        self.address = self._proxy_listener.getsockname()[0]
        instance = Instance.named(connection_name, self.address)
        self.accounts = ServiceAccounts(instance.project, names)
        self.authority = CertificateAuthority(connection_name)
        counts = Counts()
        self._api = AdminApi(instance, self.accounts, self.authority, counts)
        self._proxy = Proxy(self.authority, counts, postgres_port=postgres_port)
        keys.mkdir(parents=True, exist_ok=True)
        for name in names:
            self.accounts.write_key(name, keys / f"{name}.json", token_uri=f"{self.endpoint}/token")

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="cloud-sql stand-in")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        api = web.AppRunner(self._api.application(), access_log=None)
        await api.setup()
        await web.SockSite(api, self._api_listener).start()
        async with await self._proxy.start(self._proxy_listener) as proxy:
            await self._stop.wait()
            await api.cleanup()
            proxy.close()
            proxy.abort_clients()
