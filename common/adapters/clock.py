"""The machine's time."""

from __future__ import annotations

import time


class SystemClock:
    """See `common.ports.Clock`."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
