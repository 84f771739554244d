"""The Publisher and Subscriber services of google.pubsub.v1 over gRPC, as far as a push emulator has them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

from local.pubsub import resources
from local.pubsub.delivery import Dispatcher
from local.pubsub.resources import Proto, RefusedError, Subscription, Topic, invalid, unsupported
from local.pubsub.store import MissingTopicError, Resource, Store

_MAX_REQUEST_BYTES = 32_000_000  # well above a publish's 10 MB, so that a larger one meets Pub/Sub's own refusal


class Services:
    """One method for each call that the emulator has."""

    def __init__(self, store: Store, dispatcher: Dispatcher) -> None:
        self._store, self._dispatcher = store, dispatcher
        self._admin = threading.Lock()

    def create_topic(self, topic: Proto) -> Proto:
        resources.accept_topic(topic)
        if not self._store.create(Resource(topic.name, "", topic.SerializeToString())):
            raise _exists(topic.name)
        return topic

    def get_topic(self, request: Proto) -> Proto:
        return self._topic(request.topic)

    def list_topics(self, request: Proto) -> Proto:
        rows, token = self._page(request, "topics")
        return types.ListTopicsResponse.pb()(topics=[Topic.FromString(row.spec) for row in rows], next_page_token=token)

    def delete_topic(self, request: Proto) -> Proto:
        with self._admin:
            self._store.delete(self._topic(request.topic).name)
        return Empty()

    def publish(self, request: Proto) -> Proto:
        resources.check_publish(request)
        try:
            ids, owed = self._store.publish(request.topic, request.messages)
        except MissingTopicError as error:
            raise _missing(request.topic) from error
        self._dispatcher.wake(owed)
        return types.PublishResponse.pb()(message_ids=map(str, ids))

    def create_subscription(self, subscription: Proto) -> Proto:
        with self._admin:
            self._accept(subscription)
            self._topic(subscription.topic)
            row = Resource(subscription.name, subscription.topic, subscription.SerializeToString())
            if not self._store.create(row, subscription.filter):
                raise _exists(subscription.name)
            self._dispatcher.start(subscription.name)
        return subscription

    def get_subscription(self, request: Proto) -> Proto:
        return self._subscription(request.subscription)

    def list_subscriptions(self, request: Proto) -> Proto:
        rows, token = self._page(request, "subscriptions")
        response = types.ListSubscriptionsResponse.pb()
        return response(subscriptions=[_parsed(row) for row in rows], next_page_token=token)

    def update_subscription(self, request: Proto) -> Proto:
        with self._admin:
            subscription, mask = self._subscription(request.subscription.name), request.update_mask
            if not mask.paths or not mask.IsValidForDescriptor(subscription.DESCRIPTOR):
                raise invalid("update_mask must name the fields to change, and only fields that exist.")
            if fixed := [path for path in mask.paths if path.partition(".")[0] not in resources.UPDATABLE]:
                raise invalid(f"{', '.join(fixed)} cannot be updated.")
            mask.MergeMessage(
                request.subscription, subscription, replace_message_field=True, replace_repeated_field=True
            )
            self._replace(subscription)
        return subscription

    def modify_push_config(self, request: Proto) -> Proto:
        with self._admin:
            subscription = self._subscription(request.subscription)
            subscription.push_config.CopyFrom(request.push_config)
            self._replace(subscription)
        return Empty()

    def delete_subscription(self, request: Proto) -> Proto:
        with self._admin:
            self._store.delete(self._subscription(request.subscription).name)
            self._dispatcher.end(request.subscription)
        return Empty()

    def _accept(self, subscription: Proto) -> None:
        resources.accept_subscription(subscription)
        if subscription.HasField("dead_letter_policy"):
            self._topic(subscription.dead_letter_policy.dead_letter_topic)

    def _replace(self, subscription: Proto) -> None:
        self._accept(subscription)
        self._store.replace(subscription.name, subscription.SerializeToString())
        self._dispatcher.wake([subscription.name])

    def _topic(self, name: str) -> Proto:
        return Topic.FromString(self._get(name, "topics").spec)

    def _subscription(self, name: str) -> Proto:
        return _parsed(self._get(name, "subscriptions"))

    def _get(self, name: str, kind: str) -> Resource:
        resources.check_name(name, kind)
        resource = self._store.get(name)
        if resource is None:
            raise _missing(name)
        return resource

    def _page(self, request: Proto, kind: str) -> tuple[list[Resource], str]:
        """The requested page of the project's resources of one kind, and the token of the next page."""
        size = min(request.page_size, 1000) if request.page_size > 0 else 100
        rows = self._store.under(f"{request.project}/{kind}/", request.page_token, size + 1)
        return rows[:size], rows[size - 1].name if len(rows) > size else ""


_CALLS = {
    "Publisher/CreateTopic": (Services.create_topic, types.Topic.pb()),
    "Publisher/GetTopic": (Services.get_topic, types.GetTopicRequest.pb()),
    "Publisher/ListTopics": (Services.list_topics, types.ListTopicsRequest.pb()),
    "Publisher/DeleteTopic": (Services.delete_topic, types.DeleteTopicRequest.pb()),
    "Publisher/Publish": (Services.publish, types.PublishRequest.pb()),
    "Subscriber/CreateSubscription": (Services.create_subscription, types.Subscription.pb()),
    "Subscriber/GetSubscription": (Services.get_subscription, types.GetSubscriptionRequest.pb()),
    "Subscriber/ListSubscriptions": (Services.list_subscriptions, types.ListSubscriptionsRequest.pb()),
    "Subscriber/UpdateSubscription": (Services.update_subscription, types.UpdateSubscriptionRequest.pb()),
    "Subscriber/ModifyPushConfig": (Services.modify_push_config, types.ModifyPushConfigRequest.pb()),
    "Subscriber/DeleteSubscription": (Services.delete_subscription, types.DeleteSubscriptionRequest.pb()),
}


class _Router(grpc.GenericRpcHandler):
    """Leads each call to its method and refuses those that have none."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Proto, Proto]:
        name = details.method.removeprefix("/google.pubsub.v1.")
        if name not in _CALLS:
            # Streaming on both sides takes any call, whatever its own kind is.
            return grpc.stream_stream_rpc_method_handler(partial(_refuse, unsupported(name)))
        call, request = _CALLS[name]
        return grpc.unary_unary_rpc_method_handler(
            partial(_answer, partial(call, self._services)),
            request_deserializer=request.FromString,
            response_serializer=lambda reply: reply.SerializeToString(),
        )


def bind(services: Services, port: int) -> tuple[grpc.Server, int]:
    """A server on 127.0.0.1, not yet started, and its port (`port` 0 takes a free one).

    Raises RuntimeError if the port is in use.
    """
    options = [("grpc.max_receive_message_length", _MAX_REQUEST_BYTES), ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(max_workers=16), handlers=[_Router(services)], options=options)
    return server, server.add_insecure_port(f"127.0.0.1:{port}")


def _answer(call: Callable[[Proto], Proto], request: Proto, context: grpc.ServicerContext) -> Proto:
    try:
        return call(request)
    except RefusedError as error:
        return _refuse(error, request, context)


def _refuse(error: RefusedError, _request: Proto, context: grpc.ServicerContext) -> Proto:
    return context.abort(error.code, str(error))


def _parsed(row: Resource) -> Proto:
    subscription = Subscription.FromString(row.spec)
    subscription.topic = row.topic
    return subscription


def _exists(name: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.ALREADY_EXISTS, f"{name} exists already.")


def _missing(name: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.NOT_FOUND, f"There is no {name}.")
