"""Cloud Scheduler's part in the stack: calls a function over HTTP, over and over, never twice at once."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass

from local.ports import LOOPBACK
from local.process import Log


@dataclass(frozen=True, kw_only=True)
class ScheduledCall:
    """Calls the function that listens on `port`, `pause_seconds` after its last answer."""

    function: str
    port: int
    pause_seconds: float
    timeout_seconds: float
    log: Log

    def run(self, stop: threading.Event) -> None:
        """Call until told to stop. A failure is said once, and the function is called again."""
        said = ""
        while not stop.wait(self.pause_seconds):
            failure = _call(self.port, self.timeout_seconds)
            if failure and failure != said and not stop.is_set():
                self.log(f"{self.function} did not do its work; it is called again ({failure})")
            said = failure


def _call(port: int, timeout_seconds: float) -> str:
    """Why the call failed; nothing if it did not."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_seconds)
    try:
        connection.request("POST", "/", headers={"User-Agent": "Google-Cloud-Scheduler", "Content-Length": "0"})
        response = connection.getresponse()
        body = response.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    return "" if response.status < http.HTTPStatus.BAD_REQUEST else f"{response.status} {body}"
