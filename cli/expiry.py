"""When a key expires, as an operator writes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

_DAYS = re.compile(r"([0-9]{1,5})d")


def expiry(text: str, now: datetime) -> datetime:
    """The moment that `90d` or an ISO date or time means; UTC where it names no offset.

    Raises ValueError, with a sentence, for any other text and for a moment that is not in the future.
    """
    moment = _moment(text, now)
    if moment <= now:
        raise ValueError(f"{text!r} is not in the future.")
    return moment


def _moment(text: str, now: datetime) -> datetime:
    try:
        if days := _DAYS.fullmatch(text):
            return now + timedelta(days=int(days[1]))
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is neither days, as in 90d, nor a date, as in 2030-01-31.") from None


class Expiry(click.ParamType[datetime]):
    """The type of an option that names such a moment."""

    name = "90d|DATE"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return expiry(value, datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)
