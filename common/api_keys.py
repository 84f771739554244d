"""API keys: how they look, and how they are verified without being stored.

A key is `aik_KEYID_SECRET`. The key id is public and finds the row; of the secret only an HMAC-SHA256 under the
installation's pepper is kept, so that a copy of the database verifies no guess.
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

PREFIX = "aik"

QUERY = "query"
READ = "read"
WRITE = "write"
SCOPES = (QUERY, READ, WRITE)
"""What a key may be allowed: to ask questions; to read documents, jobs and projects; to create, delete, reprocess."""

KEY_ID_LENGTH = 12
# 43 characters of 62 carry 256 bits.
SECRET_LENGTH = 43

_KEY_ID_ALPHABET = string.ascii_lowercase + string.digits
_SECRET_ALPHABET = string.ascii_letters + string.digits
_KEY = re.compile(rf"{PREFIX}_([a-z0-9]{{{KEY_ID_LENGTH}}})_([A-Za-z0-9]{{{SECRET_LENGTH}}})")

# One pepper serves two purposes: the purpose is hashed too, so that no hash of one is ever a hash of the other.
_KEY_PURPOSE = "api-key"
_QUESTION_PURPOSE = "question"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An authenticated key: whose it is and what it may do. `project_id` None means every project of the team."""

    id: UUID
    team_id: UUID
    project_id: UUID | None
    scopes: frozenset[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made. `key` is shown once and never stored; the rest is what the database keeps."""

    key: str = field(repr=False)
    key_id: str
    key_hash: str
    pepper_version: int


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key as a caller presented it: well formed, not yet verified."""

    key_id: str
    secret: str = field(repr=False)


def new_key(peppers: Mapping[int, str]) -> NewKey:
    """A key from the system's randomness, hashed under the newest pepper, the one of the highest version."""
    version = max(peppers)
    key_id, secret = _random(_KEY_ID_ALPHABET, KEY_ID_LENGTH), _random(_SECRET_ALPHABET, SECRET_LENGTH)
    return NewKey(
        key=f"{PREFIX}_{key_id}_{secret}",
        key_id=key_id,
        key_hash=_key_hash(PresentedKey(key_id, secret), peppers[version]),
        pepper_version=version,
    )


def parse(presented: str) -> PresentedKey | None:
    """The parts of a key, or None if this is not the shape of one."""
    match = _KEY.fullmatch(presented)
    return None if match is None else PresentedKey(*match.groups())


def matches(presented: PresentedKey, key_hash: str, pepper: str) -> bool:
    """True if this is the key that was hashed under this pepper. Takes equally long whichever character differs."""
    return hmac.compare_digest(_key_hash(presented, pepper).encode(), key_hash.encode())


def question_hash(question: str, pepper: str) -> str:
    """What the log keeps of a question: hexadecimal HMAC-SHA256, which nobody without the pepper can guess from.

    Questions that differ in upper and lower case, in white space or in Unicode's compatibility forms hash alike, so
    that the log can count how often something is asked.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", question).casefold())
    return _keyed_hash(pepper, _QUESTION_PURPOSE, " ".join(folded.split()))


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _key_hash(presented: PresentedKey, pepper: str) -> str:
    return _keyed_hash(pepper, _KEY_PURPOSE, f"{presented.key_id}_{presented.secret}")


def _keyed_hash(pepper: str, purpose: str, text: str) -> str:
    # A lone surrogate may reach a question by JSON's \ud800; it is hashed as it is rather than refused.
    return hmac.digest(pepper.encode(), f"{purpose}\n{text}".encode(errors="surrogatepass"), "sha256").hex()
