"""How an operator's command reaches the installation: by its settings and its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cli.output import Output
from common import config
from common.administration import take_up
from common.bootstrap import Application, wired
from common.errors import Retryable


@contextmanager
def installation() -> Iterator[Application]:
    """The installation that the environment describes; its connections are closed at the end."""
    application = wired(config.load())
    engine = application.engine
    try:
        yield application
    finally:
        engine.dispose()


def take_up_objects(application: Application, output: Output) -> int:
    """Announce again what has a place now; returns how many. `reconcile` does it where Pub/Sub fails here."""
    limit = application.settings.reconcile_limit
    try:
        count = take_up(application.administration, lambda: application.publisher, limit)
    except Retryable as error:
        output.note(f"Objects that waited for this are taken up later: {error.message}")
        return 0
    if count:
        output.note(f"{count} objects that waited for this are on their way.")
    return count
