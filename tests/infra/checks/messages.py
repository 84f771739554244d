"""Topics and subscriptions: each message reaches its function, comes again when that fails, and is never lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from local.pubsub.filters import parse
from local.pubsub.resources import RefusedError
from local.topology import Topology
from tests.infra.checks.deployment import Deployment, last, only, services
from tests.infra.inventory import Values

SUBSCRIPTION = "google_pubsub_subscription.this"
# What is worth trying for as long: Pub/Sub's longest.
RETENTION = "604800s"
# What a function still does after its time-out, such as publishing a message again.
MARGIN_SECONDS = 30
# The kinds of messages: topic, attributes, and the one function that each is for.
ROUTES: tuple[tuple[str, Mapping[str, str], str], ...] = (
    ("object-events", {"eventType": "OBJECT_FINALIZE"}, "intake"),
    ("object-events", {"eventType": "OBJECT_DELETE"}, "retire"),
    ("document-registered", {}, "chunk"),
    ("chunk-batch", {}, "embed"),
    ("batch-embedded", {}, "record"),
    ("document-retired", {}, "retire"),
    ("url-requested", {}, "fetch"),
    ("dead-letter", {}, "dead_letter"),
)
# A message that this function cannot keep would circle for ever.
LAST = "dead_letter"


@dataclass(frozen=True)
class Subscription:
    """What a push subscription is on each side: in the topology, in Terraform's state, on an emulator."""

    topic: str
    function: str
    filter: str
    ack_deadline_seconds: int
    minimum_backoff_seconds: int
    maximum_backoff_seconds: int
    dead_letter_topic: str | None
    max_delivery_attempts: int | None


def stated(topology: Topology) -> dict[str, Subscription]:
    """The topology's subscriptions."""
    names = [declared.name for declared in fields(Subscription)]
    return {
        name: Subscription(**{each: getattr(subscription, each) for each in names})
        for name, subscription in topology.subscriptions.items()
    }


def made(deployment: Deployment) -> dict[str, Subscription]:
    """The subscriptions of the state, by their own names."""
    functions = {service["uri"]: name for name, service in services(deployment).items()}
    return {values["name"]: _made(values, functions) for values in deployment.state.of(SUBSCRIPTION).values()}


def topology_is_kept(deployment: Deployment) -> Iterator[str]:
    """Topics and subscriptions are those of topology.yaml, to the second."""
    wanted, found = stated(deployment.topology), made(deployment)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"subscription {name} is {found.get(name)}; the topology has {wanted.get(name)}"
    topics = {values["name"] for values in deployment.state.of("google_pubsub_topic.this").values()}
    if topics != set(deployment.topology.topics):
        yield f"topics are {sorted(topics)}; the topology has {sorted(deployment.topology.topics)}"


def messages_reach_their_function(deployment: Deployment) -> Iterator[str]:
    """Each kind of message is pushed to the one function that it is for."""
    found = made(deployment)
    for topic, attributes, function in ROUTES:
        reached = [each.function for each in found.values() if each.topic == topic and _passes(each, attributes)]
        if reached != [function]:
            yield f"{topic} {dict(attributes)} reaches {reached}, not {function} alone"
    if idle := {each.topic for each in found.values()} - {topic for topic, _, _ in ROUTES}:
        yield f"no kind of message is known of the topics {sorted(idle)}"


def objects_are_announced(deployment: Deployment) -> Iterator[str]:
    """The upload bucket, and only that, announces what comes and goes."""
    notifications = deployment.state.all("google_storage_notification")
    announced = [
        (
            each.values["bucket"],
            last(each.values["topic"]),
            each.values["payload_format"],
            set(each.values["event_types"]),
        )
        for each in notifications
    ]
    uploads = deployment.state.one("google_storage_bucket.uploads")["name"]
    if announced != [(uploads, "object-events", "JSON_API_V1", {"OBJECT_FINALIZE", "OBJECT_DELETE"})]:
        yield f"notifications are {announced}"


def pushes_are_signed(deployment: Deployment) -> Iterator[str]:
    """Each push carries a token of the push account, made out to the function that it goes to."""
    addresses = {service["uri"] for service in services(deployment).values()}
    for name, values in deployment.state.of(SUBSCRIPTION).items():
        push = only(values["push_config"])
        token = only(push.get("oidc_token"))
        if push.get("push_endpoint") not in addresses:
            yield f"subscription {name} pushes to {push.get('push_endpoint')}, which is no function"
        if token.get("service_account_email") != deployment.account("push"):
            yield f"subscription {name} pushes as {token.get('service_account_email')}"
        if token.get("audience") != push.get("push_endpoint"):
            yield f"subscription {name} has the audience {token.get('audience')}, not the function's address"


def failures_come_again(deployment: Deployment) -> Iterator[str]:
    """A push that failed waits a while, longer each time; no push is repeated while its function still works."""
    times = {name: service["timeout_seconds"] for name, service in services(deployment).items()}
    for name, each in made(deployment).items():
        if not 0 < each.minimum_backoff_seconds < each.maximum_backoff_seconds <= 600:
            yield f"subscription {name} backs off {each.minimum_backoff_seconds} to {each.maximum_backoff_seconds} s"
        seconds = times.get(each.function, 0)
        if not seconds + MARGIN_SECONDS <= each.ack_deadline_seconds <= 600:
            yield f"subscription {name} waits {each.ack_deadline_seconds} s for what may take {seconds} s"


def dead_letters_are_kept(deployment: Deployment) -> Iterator[str]:
    """What cannot be delivered goes to a topic from which a function keeps it; what that one cannot keep stays."""
    found = made(deployment)
    read = {each.topic for each in found.values() if each.function == LAST}
    for name, each in found.items():
        if each.function == LAST:
            if each.dead_letter_topic is not None:
                yield f"subscription {name} has a dead-letter topic, from which its messages would come back"
        elif each.dead_letter_topic not in read:
            yield f"subscription {name} has the dead-letter topic {each.dead_letter_topic}, which {LAST} does not read"
        elif not 5 <= (each.max_delivery_attempts or 0) <= 100:
            yield f"subscription {name} gives up after {each.max_delivery_attempts} attempts"


def nothing_expires(deployment: Deployment) -> Iterator[str]:
    """No subscription goes by itself, and what one owes is kept for as long as Pub/Sub keeps anything."""
    for name, values in deployment.state.of(SUBSCRIPTION).items():
        if only(values["expiration_policy"]).get("ttl") != "":
            yield f"subscription {name} expires without messages: {values['expiration_policy']}"
        if values["message_retention_duration"] != RETENTION:
            yield f"subscription {name} keeps messages for {values['message_retention_duration']}"


def _made(values: Values, functions: Mapping[str, str]) -> Subscription:
    retries, dead_letters = only(values["retry_policy"]), only(values["dead_letter_policy"])
    endpoint = only(values["push_config"]).get("push_endpoint", "")
    topic = dead_letters.get("dead_letter_topic")
    return Subscription(
        topic=last(values["topic"]),
        function=functions.get(endpoint, endpoint),
        filter=values["filter"] or "",
        ack_deadline_seconds=values["ack_deadline_seconds"],
        minimum_backoff_seconds=_seconds(retries.get("minimum_backoff")),
        maximum_backoff_seconds=_seconds(retries.get("maximum_backoff")),
        dead_letter_topic=topic and last(topic),
        max_delivery_attempts=dead_letters.get("max_delivery_attempts"),
    )


def _seconds(duration: str | None) -> int:
    return int(duration.removesuffix("s")) if duration else 0


def _passes(subscription: Subscription, attributes: Mapping[str, str]) -> bool:
    try:
        return parse(subscription.filter)(attributes)
    except RefusedError:
        return False
