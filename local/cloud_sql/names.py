"""How Google names a service account, and Cloud SQL the database user of one."""

from __future__ import annotations

_SUFFIX = ".gserviceaccount.com"


def email(name: str, project: str) -> str:
    """The address of a service account."""
    return f"{name}@{project}.iam{_SUFFIX}"


def database_user(address: str) -> str:
    """The Postgres user of a service account."""
    return address.removesuffix(_SUFFIX)
