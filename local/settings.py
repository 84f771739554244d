"""What the stack's functions, and an operator's command against it, find in their environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from common.cloud_settings import CloudSettings
from common.config import Profile, Settings, load, load_cloud
from common.errors import ConfigurationError
from common.setting import variable
from local.ports import LOOPBACK

PROJECT = "local"
UPLOAD_BUCKET = "documents"
EXTRACTION_BUCKET = "extractions"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The stack's side of a function's environment; `changes` are settings by their field names.

    In profile `gcp` there is no `database_url`; `cloud` holds the settings of that profile, and `libraries` the
    variables that Google's own libraries read.
    """

    profile: Profile = Profile.LOCAL
    database_url: str = ""
    storage_endpoint: str
    pubsub_port: int
    peppers: str
    changes: Mapping[str, str]
    cloud: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """All variables. Raises `ConfigurationError` for settings that cannot be."""
        settings = {
            "profile": self.profile.value,
            "database_url": self.database_url,
            "google_project": PROJECT,
            "upload_bucket": UPLOAD_BUCKET,
            "extraction_bucket": EXTRACTION_BUCKET,
            "key_peppers": self.peppers,
            # No question takes long here, so what was replaced is purged soon.
            "question_seconds": "10",
            "purge_grace_seconds": "15",
            **self.cloud,
            **self.changes,
        }
        known = {declared.name for kind in (Settings, CloudSettings) for declared in fields(kind)}
        if unknown := settings.keys() - known:
            raise ConfigurationError(
                f"There is no setting {', '.join(sorted(unknown))}; common/config.py and common/cloud_settings.py list"
                " them."
            )
        variables = {variable(name): value for name, value in settings.items()}
        load(variables)
        if self.profile is Profile.GCP:
            load_cloud(variables)
        return variables | {
            "STORAGE_EMULATOR_HOST": self.storage_endpoint,
            "PUBSUB_EMULATOR_HOST": f"{LOOPBACK}:{self.pubsub_port}",
            **self.libraries,
        }

    def script(self) -> str:
        """The same as a shell script."""
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self.variables().items())


def read_script(text: str) -> dict[str, str]:
    """The variables that a script of this module sets."""
    pairs = (word.partition("=") for word in shlex.split(text)[1::2])
    return {name: value for name, _, value in pairs}
