"""What is kept for a while only: questions with citations, answers to idempotency keys, settled failures, fetches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from common.database import Database, RetentionRows
from functions.reconcile.steps import Work

TASK = "retention"
# The API promises to answer a repeated write alike for so long.
IDEMPOTENCY_SECONDS = 86_400.0

type Forget = Callable[[RetentionRows, float, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """A step: forgets the oldest rows first, `limit` at a time, for as long as there are any. 0 seconds is for ever."""

    database: Database
    query_log_seconds: float
    failed_message_seconds: float
    fetch_log_seconds: float
    limit: int

    def __call__(self) -> Iterator[Work]:
        """Each batch is a transaction that holds the task's lock: two runs forget one after the other."""
        kinds: list[tuple[Forget, float]] = [
            (lambda rows, seconds, limit: rows.forget_questions(seconds, limit), self.query_log_seconds),
            (lambda rows, seconds, limit: rows.forget_idempotency_keys(seconds, limit), IDEMPOTENCY_SECONDS),
            (lambda rows, seconds, limit: rows.forget_failed(seconds, limit), self.failed_message_seconds),
            (lambda rows, seconds, limit: rows.forget_fetches(seconds, limit), self.fetch_log_seconds),
        ]
        for forget, seconds in kinds:
            yield from self._forget(forget, seconds)
        with self.database.transaction() as transaction:
            progress = transaction.progress.finish(transaction.progress.resume(TASK))
        yield Work(progress=progress)

    def _forget(self, forget: Forget, seconds: float) -> Iterator[Work]:
        count = self.limit
        while seconds and count == self.limit:
            with self.database.transaction() as transaction:
                progress = transaction.progress.resume(TASK)
                count = forget(transaction.retention, seconds, self.limit)
                transaction.progress.move(progress, "", count)
            yield Work(counts={"forgotten": count})
