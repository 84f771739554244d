"""What an error of Google Cloud means: when to come again, and which setting is to blame."""

from __future__ import annotations

import re
from collections.abc import Sequence

from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, TooManyRequests, Unauthorized
from google.rpc.error_details_pb2 import RetryInfo

from common.errors import AiInfraError, ConfigurationError, Deferred, Retryable
from common.setting import variable

_UNRESOLVED = re.compile("DNS resolution failed|errors resolving")
_SECONDS = re.compile(r"\d{1,6}(\.\d+)?")


def retry_after(error: GoogleAPICallError) -> float | None:
    """The seconds after which the server wants to be asked again, if it says so."""
    for detail in error.details:
        if isinstance(detail, RetryInfo):
            return float(detail.retry_delay.ToTimedelta().total_seconds())
    # A server may break off without any trailing metadata, and the header may hold a date.
    metadata = (error.response.trailing_metadata() if error.response else None) or ()
    texts = [value for key, value in metadata if key == "retry-after"]
    return float(texts[0]) if texts and _SECONDS.fullmatch(texts[0]) else None


def translated(error: GoogleAPICallError, what: str, settings: Sequence[str], *, wait_seconds: float) -> AiInfraError:
    """The error in the project's terms: `wait_seconds` is for one that waiting alone can mend."""
    if isinstance(error, TooManyRequests):
        return Deferred(
            "QUOTA", f"Google Cloud's quota for {what} is used up: {said(error)}.", wait_seconds=wait_seconds
        )
    if isinstance(error, Forbidden | Unauthorized | NotFound):
        return _misconfigured(error, what, settings)
    if _UNRESOLVED.search(str(error.message)):
        return ConfigurationError(f"There is no address for {what} ({said(error)}): check {variable('region')}.")
    return Retryable("VERTEX_UNAVAILABLE", f"Google Cloud did not carry out {what}: {said(error)}.")


def _misconfigured(error: GoogleAPICallError, what: str, settings: Sequence[str]) -> ConfigurationError:
    resource = "".join(f"{variable(each)}, " for each in settings)
    if isinstance(error, NotFound):
        advice = f"check {resource}{variable('region')} and {variable('google_project')}"
    else:
        advice = (
            f"check {resource}{variable('google_project')} and that the function's service account has"
            " roles/aiplatform.user there"
        )
    return ConfigurationError(f"Google Cloud refused {what} ({said(error)}): {advice}.")


def said(error: GoogleAPICallError) -> str:
    """The server's own words, fit to stand within a sentence."""
    return " ".join(str(error.message).split()).rstrip(".")
