"""How far the passes of a reconciliation have come."""

from __future__ import annotations

from sqlalchemy import Connection, TextClause, text

from common.database import Progress

_COLUMNS = """
    task, cursor, examined, pass_started_at, extract(epoch from now() - pass_started_at)::float8 as pass_seconds,
    extract(epoch from now() - pass_finished_at)::float8 as finished_seconds
"""
_ENDED = "coalesce(p.pass_finished_at >= p.pass_started_at, false)"

# Updated even where nothing changes: that locks the row.
_RESUME = text(f"""
    insert into reconcile_progress as p (task) values (:task)
    on conflict (task) do update set
        examined = case when {_ENDED} then 0 else p.examined end,
        pass_started_at = case when {_ENDED} then now() else p.pass_started_at end
    returning {_COLUMNS}
""")  # noqa: S608

_AS_IT_WAS = f"task = :task and cursor = :before and pass_started_at = :pass_started_at and not {_ENDED}"

_MOVE = text(f"""
    update reconcile_progress p set cursor = :cursor, examined = examined + :examined, updated_at = now()
    where {_AS_IT_WAS}
    returning {_COLUMNS}
""")  # noqa: S608

_FINISH = text(f"""
    update reconcile_progress p
    set cursor = :cursor, examined = examined + :examined, updated_at = now(),
        pass_finished_at = greatest(now(), pass_started_at)
    where {_AS_IT_WAS}
    returning {_COLUMNS}
""")  # noqa: S608


class PostgresProgressRows:
    """See `common.database.ProgressRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def resume(self, task: str) -> Progress:
        return Progress(**self._connection.execute(_RESUME, {"task": task}).one()._asdict())

    def move(self, progress: Progress, cursor: str, examined: int) -> Progress | None:
        return self._change(_MOVE, progress, cursor, examined)

    def finish(self, progress: Progress, examined: int = 0) -> Progress | None:
        return self._change(_FINISH, progress, "", examined)

    def _change(self, statement: TextClause, progress: Progress, cursor: str, examined: int) -> Progress | None:
        parameters = {
            "task": progress.task,
            "before": progress.cursor,
            "pass_started_at": progress.pass_started_at,
            "cursor": cursor,
            "examined": examined,
        }
        row = self._connection.execute(statement, parameters).one_or_none()
        return None if row is None else Progress(**row._asdict())
