"""Keeping a lease while the work under it goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Thread

from common.errors import Retryable

log = logging.getLogger(__name__)


def _renew_until(stopped: Event, renew: Callable[[], bool], every_seconds: float) -> None:
    while not stopped.wait(every_seconds):
        try:
            if not renew():
                return
        except Retryable as error:
            log.warning("A lease was not renewed and is tried again: %s", error)
        except Exception:
            log.exception("A lease was not renewed and is tried again")


@contextmanager
def kept(renew: Callable[[], bool], *, lease_seconds: float) -> Iterator[None]:
    """Renew three times a lease's length, until the block ends or `renew` says that the lease is lost.

    Losing it stops no work: what the work commits names the lease's token and changes nothing then.
    """
    stopped = Event()
    within = copy_context()  # so that what it logs is about the work that the lease belongs to
    keeper = Thread(target=within.run, args=(_renew_until, stopped, renew, lease_seconds / 3), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopped.set()
        keeper.join()
