"""An installation as its users reach it: its API over HTTP, its functions at work behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from werkzeug.serving import make_server

from local.ports import LOOPBACK, free_ports
from tests.functions.installation import Installation


@contextmanager
def served(installation: Installation) -> Iterator[str]:
    """The URL of the installation's API."""
    (port,) = free_ports(1)
    server = make_server(LOOPBACK, port, installation.functions["api"].application, threaded=True)
    with ThreadPoolExecutor(1) as threads:
        serving = threads.submit(server.serve_forever)
        yield f"http://{LOOPBACK}:{port}"
        server.shutdown()
        serving.result()
    server.server_close()


@contextmanager
def working(installation: Installation) -> Iterator[None]:
    """While it lasts, objects that land are announced and messages delivered."""
    announced, stop = set[tuple[str, int]](), threading.Event()

    def work() -> None:
        while not stop.is_set():
            for blob in installation.storage.list_blobs(installation.bucket):
                seen = (blob.name, int(blob.generation))
                if seen not in announced:
                    announced.add(seen)
                    finalized = installation.finalized(*seen, metadata=blob.metadata or {})
                    assert installation.deliver("intake", finalized).status_code == 204
            installation.run()

    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(work)
        try:
            yield
        finally:
            stop.set()
        done.result()
