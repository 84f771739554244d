"""Work beside the main thread: a part that is started meanwhile, and work that goes on until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager


@contextmanager
def started_meanwhile[Part: AbstractContextManager[object]](start: Callable[[], Part]) -> Iterator[Future[Part]]:
    """Start a part in a thread of its own; it is stopped when the context is left, however far it had come.

    A start that failed raises where its result is asked for.
    """
    with ThreadPoolExecutor(1) as thread:
        starting = thread.submit(start)
        try:
            yield starting
        finally:
            if starting.exception() is None:
                starting.result().__exit__(None, None, None)


@contextmanager
def in_background(name: str, work: Callable[[threading.Event], None], *, grace_seconds: float) -> Iterator[None]:
    """Run `work` until the context is left; its event is set then, and it has so many seconds to return."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(grace_seconds)
