"""The emulator as a whole, for the command and for tests in one process."""

from pathlib import Path
from typing import Self

from local.pubsub.delivery import Dispatcher
from local.pubsub.server import Services, bind
from local.pubsub.store import Store


class PubSubEmulator:
    """Serves and pushes from its creation until `close`; `host` is what PUBSUB_EMULATOR_HOST takes."""

    def __init__(self, data: Path | None = None, *, port: int = 0, duplicate: int = 1, in_flight: int = 4) -> None:
        """`data` None keeps everything in memory; `port` 0 takes a free one.

        Each message is delivered `duplicate` times to each subscription, each time to be acknowledged on its own. A
        subscription has at most `in_flight` pushes out at once. Raises sqlite3.Error if the file cannot be used or is
        in use, RuntimeError if the port is.
        """
        self._store = Store(data, duplicate)
        self._dispatcher = Dispatcher(self._store, in_flight)
        try:
            self._server, bound = bind(Services(self._store, self._dispatcher), port)
        except RuntimeError:
            self._store.close()
            raise
        self.host = f"127.0.0.1:{bound}"
        self._dispatcher.resume()
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self, grace: float = 5.0) -> None:
        """Starts no push any more; those in flight have `grace` seconds, and may still publish. The rest stays owed."""
        self._dispatcher.stop(grace)
        self._server.stop(grace=1.0).wait()
        self._store.close()
