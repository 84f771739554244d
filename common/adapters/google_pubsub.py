"""Topics of Pub/Sub, through google-cloud-pubsub; the local emulator is reached by the same client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import batched

import msgspec
from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.publisher.exceptions import MessageTooLargeError
from google.cloud.pubsub_v1.publisher.futures import Future

from common import tracing
from common.errors import ConfigurationError, Permanent, Retryable
from common.messages import Message
from common.tracing import TRACEPARENT

# Seconds until a publish has to be accepted; the client repeats it within.
TIMEOUT = 60.0
CHECK_TIMEOUT = 10.0
_PUBLISH = "pubsub.topics.publish"
# Messages on their way at once: a long document's batches are not all held in memory.
_WINDOW = 64


class GooglePublisher:
    """See `common.ports.Publisher`. Every future is resolved before it returns: CPU stops with the request.

    A message carries the trace that it is published in, unless it has one of its own.
    """

    def __init__(self, project: str) -> None:
        self._project = project

    @cached_property
    def _client(self) -> PublisherClient:
        return PublisherClient()

    def publish(self, messages: Iterable[Message]) -> None:
        for window in batched(messages, _WINDOW, strict=False):
            self._resolve(
                [self._send(message.topic, msgspec.json.encode(message), message.attributes()) for message in window]
            )

    def check(self, topics: Sequence[str]) -> None:
        for topic in topics:
            try:
                allowed = self._allowed(topic)
            except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
                raise Retryable("PUBSUB_UNAVAILABLE", f"Pub/Sub did not answer: {error}") from error
            if not allowed:
                raise ConfigurationError(
                    f"AI_INFRA_GOOGLE_PROJECT={self._project} has no topic {topic} to which this service account may"
                    " publish: correct it, or give the account roles/pubsub.publisher on the topic."
                )

    def _allowed(self, topic: str) -> bool:
        request = {"resource": self._client.topic_path(self._project, topic), "permissions": [_PUBLISH]}
        try:
            answer = self._client.test_iam_permissions(request, timeout=CHECK_TIMEOUT)
        except (NotFound, Forbidden):
            return False
        return _PUBLISH in answer.permissions

    def publish_raw(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        self._resolve([self._send(topic, data, attributes)])

    def _send(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> Future:
        path = self._client.topic_path(self._project, topic)
        try:
            return self._client.publish(path, data, timeout=TIMEOUT, **_traced(attributes))
        except MessageTooLargeError as error:
            raise Permanent("MESSAGE_TOO_LARGE", f"A message is larger than Pub/Sub takes: {error}") from error

    @staticmethod
    def _resolve(futures: list[Future]) -> None:
        try:
            for future in futures:
                future.result(timeout=TIMEOUT)
        except (GoogleAPICallError, RetryError, TimeoutError) as error:
            raise Retryable("PUBLISH_FAILED", f"Pub/Sub did not accept a message: {error}") from error


def _traced(attributes: Mapping[str, str]) -> Mapping[str, str]:
    trace = tracing.current()
    return attributes if trace is None else {TRACEPARENT: trace.traceparent, **attributes}
