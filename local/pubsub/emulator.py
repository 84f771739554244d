"""The Publisher and Subscriber services of google.pubsub.v1 over gRPC, as far as a push emulator has them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

import grpc
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest, TestIamPermissionsResponse
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

from local.pubsub import resources
from local.pubsub.delivery import Dispatcher
from local.pubsub.filters import parse
from local.pubsub.resources import Proto, RefusedError, Subscription, Topic, require
from local.pubsub.store import Store

_MAX_PUBLISH_BYTES = 10_000_000
_MAX_REQUEST_BYTES = 32_000_000  # well above the former, so that a larger one meets Pub/Sub's own refusal


class PubSubEmulator:
    """Serves and pushes from its creation until `close`; `host` is what PUBSUB_EMULATOR_HOST takes."""

    def __init__(
        self,
        data: Path | None = None,
        *,
        port: int = 0,
        duplicate: int = 1,
        in_flight: int = 4,
        source: str = "",
        held: bool = False,
    ) -> None:
        """`data` None keeps everything in memory; `port` 0 takes a free one; `held` pushes nothing before `deliver`.

        Each message is delivered `duplicate` times to each subscription, with at most `in_flight` pushes out at once.
        Those that wait and differ in the attribute `source` take turns.
        Raises sqlite3.Error if the file cannot be used or is in use, RuntimeError if the port is.
        """
        options = [("grpc.max_receive_message_length", _MAX_REQUEST_BYTES), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(max_workers=16), options=options)
        self.host = f"127.0.0.1:{self._server.add_insecure_port(f'127.0.0.1:{port}')}"
        self._store = Store(data, duplicate, source)
        self._dispatcher = Dispatcher(self._store, in_flight)
        if not held:
            self.deliver()
        self._server.add_generic_rpc_handlers([Services(self._store, self._dispatcher)])
        for subscription in self._store.all(Subscription):
            self._dispatcher.start(subscription)
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def deliver(self) -> None:
        """Push from now on."""
        self._dispatcher.open.set()

    def close(self, grace: float = 5.0) -> None:
        """Starts no push any more; those in flight have `grace` seconds, and may still publish. The rest stays owed."""
        self._dispatcher.stop(grace)
        self._server.stop(grace=1.0).wait()
        self._store.close()


class Services(grpc.GenericRpcHandler):
    """One method for each call that the emulator has. They take turns."""

    def __init__(self, store: Store, dispatcher: Dispatcher) -> None:
        self._store, self._dispatcher = store, dispatcher

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Proto, Proto] | None:
        """None for a call that the emulator does not have; gRPC answers it with UNIMPLEMENTED."""
        if details.method not in _CALLS:
            return None
        call, request_type = _CALLS[details.method]
        return grpc.unary_unary_rpc_method_handler(
            partial(self._answer, call), request_type.FromString, lambda reply: reply.SerializeToString()
        )

    def create_topic(self, topic: Proto) -> Proto:
        resources.check_name(topic.name, "topics")
        self._store.create(topic)
        return topic

    def get_topic(self, request: Proto) -> Proto:
        return self._store.get(request.topic, Topic)

    def list_topics(self, request: Proto) -> Proto:
        return types.ListTopicsResponse.pb()(topics=self._store.all(Topic, request.project))

    def delete_topic(self, request: Proto) -> Proto:
        self._store.delete(self.get_topic(request))
        return Empty()

    def publish(self, request: Proto) -> Proto:
        require(request.ByteSize() <= _MAX_PUBLISH_BYTES, f"A publish has at most {_MAX_PUBLISH_BYTES} bytes.")
        self._store.publish(request.topic, request.messages)
        return types.PublishResponse.pb()(message_ids=[message.message_id for message in request.messages])

    def test_permissions(self, request: Proto) -> Proto:
        """Everybody may do everything with a topic that is there."""
        self._store.get(request.resource, Topic)
        return TestIamPermissionsResponse(permissions=request.permissions)

    def create_subscription(self, subscription: Proto) -> Proto:
        self._complete(subscription)
        self._store.get(subscription.topic, Topic)
        self._store.create(subscription)
        self._dispatcher.start(subscription)
        return subscription

    def get_subscription(self, request: Proto) -> Proto:
        return self._store.get(request.subscription, Subscription)

    def list_subscriptions(self, request: Proto) -> Proto:
        return types.ListSubscriptionsResponse.pb()(subscriptions=self._store.all(Subscription, request.project))

    def update_subscription(self, request: Proto) -> Proto:
        subscription, mask = Subscription(), request.update_mask
        require(bool(mask.paths), "update_mask must name the fields to change.")
        if others := sorted(set(mask.paths) - resources.UPDATABLE):
            raise resources.unsupported(f"An update of {', '.join(others)}")
        subscription.CopyFrom(self._store.get(request.subscription.name, Subscription))
        mask.MergeMessage(request.subscription, subscription, replace_message_field=True)
        self._complete(subscription)
        self._store.save(subscription)
        return subscription

    def delete_subscription(self, request: Proto) -> Proto:
        self._store.delete(self.get_subscription(request))
        return Empty()

    def _complete(self, subscription: Proto) -> None:
        resources.complete_subscription(subscription)
        parse(subscription.filter)
        if subscription.HasField("dead_letter_policy"):
            self._store.get(subscription.dead_letter_policy.dead_letter_topic, Topic)

    def _answer(self, call: Callable[..., Proto], request: Proto, context: grpc.ServicerContext) -> Proto:
        try:
            resources.check_fields(request)
            with self._store.lock:
                return call(self, request)
        except RefusedError as error:
            return context.abort(error.code, str(error))


_PUBSUB_CALLS: dict[str, tuple[Callable[..., Proto], Any]] = {
    "/google.pubsub.v1.Publisher/CreateTopic": (Services.create_topic, types.Topic),
    "/google.pubsub.v1.Publisher/GetTopic": (Services.get_topic, types.GetTopicRequest),
    "/google.pubsub.v1.Publisher/ListTopics": (Services.list_topics, types.ListTopicsRequest),
    "/google.pubsub.v1.Publisher/DeleteTopic": (Services.delete_topic, types.DeleteTopicRequest),
    "/google.pubsub.v1.Publisher/Publish": (Services.publish, types.PublishRequest),
    "/google.pubsub.v1.Subscriber/CreateSubscription": (Services.create_subscription, types.Subscription),
    "/google.pubsub.v1.Subscriber/GetSubscription": (Services.get_subscription, types.GetSubscriptionRequest),
    "/google.pubsub.v1.Subscriber/ListSubscriptions": (Services.list_subscriptions, types.ListSubscriptionsRequest),
    "/google.pubsub.v1.Subscriber/UpdateSubscription": (Services.update_subscription, types.UpdateSubscriptionRequest),
    "/google.pubsub.v1.Subscriber/DeleteSubscription": (Services.delete_subscription, types.DeleteSubscriptionRequest),
}
_CALLS: dict[str, tuple[Callable[..., Proto], Any]] = {
    "/google.iam.v1.IAMPolicy/TestIamPermissions": (Services.test_permissions, TestIamPermissionsRequest),
    **{name: (call, request_type.pb()) for name, (call, request_type) in _PUBSUB_CALLS.items()},
}
