"""Asks a function's parts before it listens, in a process of its own: the web server forks later, and no gRPC survives.

What can only be mended by a person ends the start; what passes by itself is left to the retries of the work.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection

from common.errors import ConfigurationError
from common.preflight import Check, Parts, checked

log = logging.getLogger(__name__)


def check_parts(parts: Parts, checks: Sequence[Check], *, seconds: float) -> None:
    """`ConfigurationError` with the first problem that a setting or a permission is to blame for.

    After `seconds`, the start goes on without what has not answered.
    """
    fork = multiprocessing.get_context("fork")
    answers, answer = fork.Pipe(duplex=False)
    process = fork.Process(target=_ask, args=(parts, checks, answer), daemon=True)
    process.start()
    answer.close()
    try:
        if not answers.poll(seconds):
            log.warning("Started without an answer of every part within %g s", seconds)
        elif sentence := answers.recv():
            raise ConfigurationError(sentence)
    except EOFError:
        process.join()
        log.warning("Started unchecked: the check ended by itself with status %s", process.exitcode)
    finally:
        process.kill()
        process.join()
        answers.close()


def _ask(parts: Parts, checks: Sequence[Check], answer: Connection) -> None:
    # What a check asks is no team's work: no metric is to count it.
    logging.getLogger("common.adapters").setLevel(logging.WARNING)
    for each in checked(checks, parts):
        if isinstance(each.problem, ConfigurationError):
            answer.send(each.problem.message)
            return
        if each.problem is not None:
            log.warning("Started although the %s may not answer: %s", each.part, each.problem)
    answer.send("")
