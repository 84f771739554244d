"""What an error on the way to Cloud SQL means, and which setting is to blame."""

from __future__ import annotations

from aiohttp import ClientError, ClientResponseError
from google.auth.exceptions import GoogleAuthError
from google.cloud.sql.connector.exceptions import (
    AutoIAMAuthNotSupported,
    CloudSQLIPTypeError,
    IncompatibleDriverError,
)
from pg8000.exceptions import DatabaseError

from common.cloud_settings import CloudSettings
from common.errors import ConfigurationError, Retryable


def told(error: Exception, cloud: CloudSettings) -> Exception:
    """The error as what becomes of it; those that are left are pg8000's, which SQLAlchemy tells."""
    sentence = _sentence(error, cloud)
    if sentence is not None:
        return ConfigurationError(sentence)
    if isinstance(error, ClientError | GoogleAuthError | OSError):
        what = str(error) or type(error).__name__
        return Retryable("DATABASE_UNAVAILABLE", f"No connection to {cloud.cloud_sql_instance}: {what}")
    return error


def _sentence(error: Exception, cloud: CloudSettings) -> str | None:
    """Which setting to mend, and how; None where no setting is to blame."""
    instance = f"AI_INFRA_CLOUD_SQL_INSTANCE={cloud.cloud_sql_instance}"
    sentence = None
    match error:
        case ClientResponseError(status=404):
            sentence = f"{instance} names no instance that there is: {error.message}"
        case ClientResponseError(status=401 | 403):
            sentence = (
                f"{instance} may not be reached by this service account, which needs roles/cloudsql.client in the "
                f"instance's project, with the Cloud SQL Admin API enabled there: {error.message}"
            )
        case ClientResponseError(status=400) | AutoIAMAuthNotSupported() | IncompatibleDriverError():
            sentence = f"{instance} cannot be used: {error}"
        case ValueError() if "region" in str(error):
            sentence = f"{instance} names another region than the instance's own: {error}"
        case CloudSQLIPTypeError():
            sentence = f"AI_INFRA_CLOUD_SQL_IP_TYPE={cloud.cloud_sql_ip_type} cannot be used: {error}"
        case DatabaseError(args=({"C": "28000" | "28P01" | "42501", "M": reason}, *_)):
            sentence = (
                f"AI_INFRA_CLOUD_SQL_USER={cloud.cloud_sql_user} was refused; it has to be the instance's IAM user of "
                f"this service account, which needs roles/cloudsql.instanceUser: {reason}"
            )
        case DatabaseError(args=({"C": "3D000", "M": reason}, *_)):
            sentence = f"AI_INFRA_CLOUD_SQL_DATABASE={cloud.cloud_sql_database} is not there: {reason}"
    return sentence
