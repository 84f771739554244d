"""Topics of Pub/Sub, through google-cloud-pubsub; the local emulator is reached by the same client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import batched

import msgspec
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.publisher.exceptions import MessageTooLargeError
from google.cloud.pubsub_v1.publisher.futures import Future

from common.errors import Permanent, Retryable
from common.messages import Message

# Seconds until a publish has to be accepted; the client repeats it within.
TIMEOUT = 60.0
# Messages on their way at once: a long document's batches are not all held in memory.
_WINDOW = 64


class GooglePublisher:
    """See `common.ports.Publisher`. Every future is resolved before it returns: CPU stops with the request."""

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

    def publish_raw(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        self._resolve([self._send(topic, data, attributes)])

    def _send(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> Future:
        path = self._client.topic_path(self._project, topic)
        try:
            return self._client.publish(path, data, timeout=TIMEOUT, **attributes)
        except MessageTooLargeError as error:
            raise Permanent("MESSAGE_TOO_LARGE", f"A message is larger than Pub/Sub takes: {error}") from error

    @staticmethod
    def _resolve(futures: list[Future]) -> None:
        try:
            for future in futures:
                future.result(timeout=TIMEOUT)
        except (GoogleAPICallError, RetryError, TimeoutError) as error:
            raise Retryable("PUBLISH_FAILED", f"Pub/Sub did not accept a message: {error}") from error
