"""What the stand-in was asked for, for tests and for the demo's report."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Login:
    """A login that Postgres let in, as the proxy saw it."""

    user: str
    certificate: str
    scopes: tuple[str, ...]
    tls: str


@dataclass
class Counts:
    """Since the start."""

    tokens: int = 0
    connect_settings: int = 0
    certificates: int = 0
    refused: int = 0
    logins: Counter[Login] = field(default_factory=Counter)

    def report(self) -> dict[str, Any]:
        """The same for JSON: `logins` is their number, `by` tells them apart."""
        return {
            "tokens": self.tokens,
            "connect_settings": self.connect_settings,
            "certificates": self.certificates,
            "refused": self.refused,
            "logins": self.logins.total(),
            "by": [asdict(login) | {"logins": number} for login, number in self.logins.items()],
        }
