"""An HTTP server whose endpoints take pushes and answer as a test says."""

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

WAIT_SECONDS = 30.0
"""How long a test waits for what must happen; only a failing test waits that long."""


@dataclass(frozen=True)
class Push:
    """One request that an endpoint got: its JSON body, its path and query, and when it came (monotonic seconds)."""

    body: dict[str, Any]
    path: str
    at: float

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = self.body["message"]
        return message

    @property
    def message_id(self) -> str:
        return str(self.message["messageId"])


type Reply = Callable[[Push], int]
"""What an endpoint answers to a push: an HTTP status, or 0 to hang up without one."""


@dataclass
class Endpoint:
    """One URL. `pushes` is in order of arrival; `most_at_once` is the largest number that were open together."""

    url: str
    reply: Reply
    pushes: list[Push] = field(default_factory=list)
    most_at_once: int = 0
    _open: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def expect(self, number: int) -> list[Push]:
        """All pushes so far, as soon as there are `number` of them."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.pushes) >= number, WAIT_SECONDS):
                raise AssertionError(f"{len(self.pushes)} of {number} pushes came: {self.pushes}")
            return list(self.pushes)

    def expect_each(self, message_ids: Set[str], *, since: int) -> list[Push]:
        """The pushes behind the first `since`, as soon as each of these messages is among them."""

        def missing() -> Set[str]:
            return message_ids - {push.message_id for push in self.pushes[since:]}

        with self._changed:
            if not self._changed.wait_for(lambda: not missing(), WAIT_SECONDS):
                raise AssertionError(f"{len(missing())} of {len(message_ids)} messages did not come: {missing()}")
            return self.pushes[since:]

    def take(self, push: Push) -> int:
        with self._changed:
            self.pushes.append(push)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            self._changed.notify_all()
        try:
            return self.reply(push)
        finally:
            with self._changed:
                self._open -= 1


class Receiver:
    """The server; ask it for endpoints."""

    def __init__(self) -> None:
        self._endpoints: dict[str, Endpoint] = {}
        self._numbers = count()
        endpoints = self._endpoints

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint = endpoints[re.split("[/?]", self.path)[1]]
                status = endpoint.take(Push(body, self.path, time.monotonic()))
                if status:
                    self.send_response(status)
                    self.end_headers()
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
                """Says nothing: the tests show what failed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def endpoint(self, *statuses: int, reply: Reply | None = None) -> Endpoint:
        """A new URL, whatever follows it: it answers with `statuses` in turn, the last for ever, or as `reply` says."""
        name = str(next(self._numbers))
        rest: queue.SimpleQueue[int] = queue.SimpleQueue()
        for status in statuses[:-1]:
            rest.put(status)

        def in_turn(_push: Push) -> int:
            try:
                return rest.get_nowait()
            except queue.Empty:
                return statuses[-1]

        url = f"http://127.0.0.1:{self.server.server_port}/{name}"
        endpoint = self._endpoints[name] = Endpoint(url, reply or in_turn)
        return endpoint


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()
