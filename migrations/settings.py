"""What the migrations read beside the settings of profile `gcp`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from common.errors import ConfigurationError
from common.setting import variable
from migrations.accounts import GROUPS

LOGINS = variable("database_logins")
_MEANING = 'a JSON object of the database users and their groups, {"api@PROJECT.iam": "ai_infra_api", …}'


def database_logins(environment: Mapping[str, str]) -> dict[str, str]:
    """The logins and their groups, or `ConfigurationError`."""
    text = environment.get(LOGINS, "")
    if not text:
        raise ConfigurationError(f"Set {LOGINS}: {_MEANING}.")
    try:
        logins = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{LOGINS} cannot be used ({error}); it is {_MEANING}.") from None
    if unknown := sorted(set(logins.values()) - set(GROUPS)):
        raise ConfigurationError(f"{LOGINS} names {', '.join(unknown)}; there are {', '.join(GROUPS)}.")
    return logins
