"""Virtual time: a run's clock, and the database's `now()` and `clock_timestamp()` that go by it.

In a database with `INSTALL`, and with `SEARCH_PATH`, the product's unqualified `now()` and `clock_timestamp()` are
those of the schema `chaos`. The time is a sequence, whose value is seen by all transactions at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pg8000.native import Connection, identifier

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Far from the machine's own time, so that what the two are mixed up in does not depend on the day."""

_INSTALL = f"""
create schema chaos;
grant usage on schema chaos to public;
create sequence chaos.clock minvalue 0 start 0;
grant select, update on sequence chaos.clock to public;

create function chaos.at(microseconds bigint) returns timestamptz language sql immutable
as $$ select timestamptz '{EPOCH.isoformat()}' + microseconds * interval '1 microsecond' $$;

create function chaos.clock_timestamp() returns timestamptz language sql volatile
as $$ select chaos.at(last_value) from chaos.clock $$;

create function chaos.now() returns timestamptz language plpgsql stable
as $$ begin
    return coalesce(nullif(current_setting('chaos.now', true), '')::timestamptz, chaos.clock_timestamp());
end $$;

create function chaos.begin(microseconds bigint) returns text language sql volatile
as $$ select setval('chaos.clock', microseconds); select set_config('chaos.now', chaos.at(microseconds)::text, true) $$;
"""

# A column's default is bound to the function that it named when it was made.
_DEFAULTS = """
select format('alter table %s alter column %I set default chaos.now()', d.adrelid::regclass, a.attname)
from pg_attrdef d
join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
where pg_get_expr(d.adbin, d.adrelid) in ('now()', 'clock_timestamp()')
"""

BEGIN = "begin transaction; select chaos.begin({})"
"""How a transaction begins whose `now()` is this."""


def install(connection: Connection) -> None:
    """Put the virtual clock into the database, which is to be the template of others."""
    for statement in _INSTALL.split("\n\n"):
        connection.run(statement)
    for (statement,) in connection.run(_DEFAULTS):
        connection.run(statement)


def keep(connection: Connection, database: str) -> None:
    """Let all who connect to this copy of the template go by the virtual clock; deadlocks are the scheduler's to find.

    A template's settings are not copied with it.
    """
    for setting in ("search_path = chaos, pg_catalog, public", "deadlock_timeout = '1h'"):
        connection.run(f"alter database {identifier(database)} set {setting}")


class VirtualClock:
    """See `common.ports.Clock`: the time of one run, in seconds. It moves when it is told to."""

    def __init__(self, parked: Callable[[float], None]) -> None:
        """`parked` lets the calling task rest for so many seconds."""
        self._microseconds = 0
        self._parked = parked

    @property
    def microseconds(self) -> int:
        return self._microseconds

    @property
    def moment(self) -> datetime:
        """The time as messages state it."""
        return EPOCH + timedelta(microseconds=self._microseconds)

    def now(self) -> float:
        return self._microseconds / 1e6

    def sleep(self, seconds: float) -> None:
        self._parked(seconds)

    def move_to(self, seconds: float) -> None:
        """Time passes; it never goes back."""
        self._microseconds = max(self._microseconds, int(seconds * 1e6) + 1)
