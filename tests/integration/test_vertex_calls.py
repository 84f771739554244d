"""Calls to Vertex AI over a wire on which anything may go wrong. The wire is real, the clock shows what it is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import DeadlineExceeded, InvalidArgument
from google.cloud.aiplatform_v1 import PredictionServiceClient, PredictRequest, PredictResponse
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from common.adapters.vertex.calls import Calls
from common.adapters.vertex.clients import client
from common.cloud_settings import CloudSettings
from common.errors import AiInfraError, ConfigurationError, Deferred, Retryable
from common.quota import Quota
from local.vertex.relay import Relay

LONG = 30.0

type Answer = Callable[[grpc.ServicerContext], PredictResponse]


def settings(**changes: Any) -> CloudSettings:
    required: dict[str, Any] = {
        "region": "europe-west4",
        "cloud_sql_instance": "p:r:i",
        "cloud_sql_user": "chunk@p.iam",
    }
    return CloudSettings(**(required | changes))


class Server:
    """Answers each call as it was told for this one; without being told, as it should."""

    def __init__(self) -> None:
        self.relay: Relay
        self.answers: Iterator[Answer] = iter(())
        self.calls = 0

    def will(self, *answers: Answer) -> None:
        self.answers = iter(answers)

    def predict(self, _: PredictRequest, context: grpc.ServicerContext) -> PredictResponse:
        self.calls += 1
        return next(self.answers, answer)(context)

    def drop(self, context: grpc.ServicerContext) -> PredictResponse:
        ended = ending(context)
        self.relay.drop(int(context.peer().rpartition(":")[2]))
        assert ended.wait(LONG)
        return PredictResponse()


def answer(_: grpc.ServicerContext) -> PredictResponse:
    return PredictResponse(model="answered")


def ending(context: grpc.ServicerContext) -> Event:
    ended = Event()
    if not context.add_callback(ended.set):
        ended.set()
    return ended


def never(context: grpc.ServicerContext) -> PredictResponse:
    assert ending(context).wait(LONG), "the client waits without end"
    return PredictResponse()


def code(status: StatusCode, text: str = "No.", *metadata: tuple[str, str | bytes]) -> Answer:
    def fail(context: grpc.ServicerContext) -> PredictResponse:
        context.set_trailing_metadata(metadata)
        context.abort(status, text)

    return fail


def retry_info(seconds: int) -> tuple[str, bytes]:
    """The trailing metadata in which Google's servers send the details of an error."""
    detail = any_pb2.Any()
    detail.Pack(RetryInfo(retry_delay=Duration(seconds=seconds)))
    status = Status(code=StatusCode.RESOURCE_EXHAUSTED.value[0], message="No.", details=[detail])
    return "grpc-status-details-bin", status.SerializeToString()


EXHAUSTED, UNAVAILABLE = code(StatusCode.RESOURCE_EXHAUSTED), code(StatusCode.UNAVAILABLE)


class Time:
    """It passes in pauses and in calls that run into their time-out, and in nothing else."""

    def __init__(self) -> None:
        self.moment = 1000.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.moment += seconds


class Caller:
    """Calls the server, and notes when it began each of its calls and how long that one might have taken."""

    def __init__(self, predictions: PredictionServiceClient) -> None:
        self.time = Time()
        self.attempts: list[tuple[float, float]] = []
        self.quota = Quota(now=self.time.now)
        self._predictions = predictions

    def limit(self, *, requests: float = inf, tokens: float = inf) -> None:
        self.quota = Quota(requests_per_minute=requests, tokens_per_minute=tokens, now=self.time.now)

    def __call__(
        self,
        tokens: int = 0,
        *,
        remote_seconds: float = LONG,
        retry_seconds: float = LONG,
        settings: Sequence[str] = (),
        used: int | None = None,
        patient: bool = False,
    ) -> str:
        calls = Calls(self.quota, remote_seconds, retry_seconds, self.time, self.time.now)
        response = calls.call("predict", self._predict, tokens, settings=settings, used=lambda _: used, patient=patient)
        return str(response.model)

    def error(self, tokens: int = 0, **options: Any) -> AiInfraError:
        with pytest.raises(AiInfraError) as caught:
            self(tokens, **options)
        return caught.value

    def _predict(self, seconds: float) -> PredictResponse:
        self.attempts.append((self.time.now(), seconds))
        try:
            return self._predictions.predict(endpoint="projects/p", instances=[], timeout=seconds)
        except DeadlineExceeded:
            self.time.moment += seconds
            raise

    def end_in_time(self, remote_seconds: float, retry_seconds: float) -> bool:
        latest = self.attempts[0][0] + retry_seconds + 1e-6  # floating-point numbers
        return all(0 < seconds <= remote_seconds and at + seconds <= latest for at, seconds in self.attempts)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    behaviour = Server()
    method = grpc.unary_unary_rpc_method_handler(
        behaviour.predict, PredictRequest.deserialize, PredictResponse.serialize
    )
    service = "google.cloud.aiplatform.v1.PredictionService"
    with ThreadPoolExecutor(8) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {"Predict": method})])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        behaviour.relay = Relay(0, port)
        yield behaviour
        behaviour.relay.close()
        server.stop(None).wait()


@pytest.fixture
def server(running: Server) -> Server:
    running.will()
    running.calls = 0
    return running


@pytest.fixture(scope="module")
def predictions(running: Server) -> Iterator[PredictionServiceClient]:
    predictions = client(PredictionServiceClient, settings(vertex_endpoint=f"127.0.0.1:{running.relay.port}"))
    yield predictions
    predictions.transport.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def caller(predictions: PredictionServiceClient) -> Caller:
    return Caller(predictions)


def test_a_call_that_goes_well_is_made_once_with_the_time_out(server: Server, caller: Caller) -> None:
    assert caller(remote_seconds=7.0, retry_seconds=90.0) == "answered"
    assert [seconds for _, seconds in caller.attempts] == [7.0]
    assert (server.calls, caller.time.pauses) == (1, [])


@pytest.mark.parametrize("status", [StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.INTERNAL])
def test_what_passes_is_repeated_after_growing_pauses(server: Server, caller: Caller, status: StatusCode) -> None:
    server.will(code(status), code(status))
    assert caller(retry_seconds=4 * LONG) == "answered"
    first, second = caller.time.pauses
    assert 0.125 <= first <= 0.25 <= second <= 0.5
    assert server.calls == 3


def test_a_connection_that_is_dropped_is_made_again(server: Server, caller: Caller) -> None:
    server.will(server.drop)
    assert caller() == "answered"
    assert server.calls == 2


def test_a_slow_answer_is_waited_for_no_longer_than_the_time_out(server: Server, caller: Caller) -> None:
    server.will(never)
    begun = time.monotonic()
    assert caller(remote_seconds=0.2) == "answered"
    assert time.monotonic() - begun < LONG
    assert server.calls == 2


def test_repetition_ends_in_time(server: Server, caller: Caller) -> None:
    server.will(*[UNAVAILABLE] * 100)
    error = caller.error(remote_seconds=20.0, retry_seconds=60.0)
    assert (type(error), error.reason) == (Retryable, "VERTEX_UNAVAILABLE")
    assert "predict" in error.message
    assert 60 / 8 <= server.calls <= 60 / 4 + 6
    assert caller.end_in_time(remote_seconds=20.0, retry_seconds=60.0)
    assert len({round(pause, 6) for pause in caller.time.pauses}) > 6, "no two callers should pause alike"


def test_slow_answers_one_after_another_end_in_time(server: Server, caller: Caller) -> None:
    server.will(*[never] * 100)
    assert caller.error(remote_seconds=0.2, retry_seconds=1.0).reason == "VERTEX_UNAVAILABLE"
    assert caller.end_in_time(remote_seconds=0.2, retry_seconds=1.0)
    assert server.calls > 1


def test_any_other_error_is_left_to_the_message(server: Server, caller: Caller) -> None:
    server.will(code(StatusCode.FAILED_PRECONDITION, "The index is\nnot deployed."))
    error = caller.error()
    assert (type(error), server.calls) == (Retryable, 1)
    assert error.message == "Google Cloud did not carry out predict: The index is not deployed."


@pytest.mark.parametrize("said", [retry_info(7), ("retry-after", "7")], ids=["RetryInfo", "retry-after"])
def test_a_429_is_deferred_until_the_server_wants_to_be_asked(
    server: Server, caller: Caller, said: tuple[str, str | bytes]
) -> None:
    server.will(code(StatusCode.RESOURCE_EXHAUSTED, "No.", said))
    error = caller.error()
    assert isinstance(error, Deferred)
    assert (error.reason, error.wait_seconds) == ("QUOTA", 7.0)
    early = caller.error()
    assert isinstance(early, Deferred)
    assert early.wait_seconds == 7.0
    assert server.calls == 1
    caller.time.sleep(7.0)
    assert caller() == "answered"


@pytest.mark.parametrize("said", [(), (("retry-after", "Fri, 31 Dec 2027 23:59:59 GMT"),)], ids=["nothing", "a date"])
def test_a_429_without_a_time_is_deferred_for_longer_each_time(
    server: Server, caller: Caller, said: tuple[tuple[str, str], ...]
) -> None:
    server.will(*[code(StatusCode.RESOURCE_EXHAUSTED, "No.", *said)] * 2)
    waits = []
    for _ in range(2):
        error = caller.error()
        assert isinstance(error, Deferred)
        waits.append(error.wait_seconds)
        caller.time.sleep(error.wait_seconds)
    assert (waits, caller()) == ([5.0, 10.0], "answered")


def test_a_429_that_ends_at_once_is_waited_for(server: Server, caller: Caller) -> None:
    server.will(code(StatusCode.RESOURCE_EXHAUSTED, "No.", ("retry-after", "0.5")))
    assert caller() == "answered"
    assert caller.time.pauses == [0.5]


def test_a_429_takes_no_tokens_and_slows_the_instance_down(server: Server, caller: Caller) -> None:
    caller.limit(tokens=100)
    server.will(EXHAUSTED)
    caller.error(100)
    caller.time.sleep(5.0)
    assert caller(50) == "answered"
    error = caller.error(50)
    assert isinstance(error, Deferred)
    assert error.wait_seconds == 60.0


def test_a_call_beyond_the_quota_is_never_sent(server: Server, caller: Caller) -> None:
    caller.limit(tokens=100)
    caller(60)
    error = caller.error(60)
    assert isinstance(error, Deferred)
    assert (error.reason, error.bounded, server.calls) == ("QUOTA", False, 1)
    assert error.wait_seconds == 61.0
    assert caller.time.pauses == []


def test_what_the_answer_says_it_took_is_what_counts(server: Server, caller: Caller) -> None:
    caller.limit(tokens=100)
    caller(90, used=40)
    caller(60)
    assert isinstance(caller.error(1), Deferred)


def test_each_repetition_counts_as_a_request(server: Server, caller: Caller) -> None:
    caller.limit(requests=2)
    server.will(UNAVAILABLE, UNAVAILABLE)
    assert isinstance(caller.error(), Deferred)
    assert server.calls == 2


def test_a_patient_call_waits_for_the_quota(server: Server, caller: Caller) -> None:
    caller.limit(tokens=100)
    caller(60)
    assert caller(60, retry_seconds=90.0, patient=True) == "answered"
    assert sum(caller.time.pauses) == 61.0
    server.will(EXHAUSTED)
    caller.limit(tokens=100)
    assert caller(60, retry_seconds=90.0, patient=True) == "answered"


def test_a_patient_call_waits_no_longer_than_calls_are_repeated(server: Server, caller: Caller) -> None:
    caller.limit(tokens=100)
    caller(60)
    assert isinstance(caller.error(60, retry_seconds=30.0, patient=True), Deferred)
    caller.limit()
    server.will(EXHAUSTED)
    assert isinstance(caller.error(retry_seconds=4.0, patient=True), Deferred)
    assert caller.time.pauses == []


def test_an_invalid_request_is_told_as_it_is_and_takes_no_tokens(server: Server, caller: Caller) -> None:
    caller.limit(tokens=100)
    server.will(code(StatusCode.INVALID_ARGUMENT, "Too many tokens."))
    with pytest.raises(InvalidArgument, match="Too many tokens"):
        caller(100)
    assert caller(100) == "answered"
    assert server.calls == 2


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (StatusCode.PERMISSION_DENIED, {"AI_INFRA_GOOGLE_PROJECT", "roles/aiplatform.user"}),
        (StatusCode.UNAUTHENTICATED, {"AI_INFRA_GOOGLE_PROJECT", "roles/aiplatform.user"}),
        (StatusCode.NOT_FOUND, {"AI_INFRA_REGION", "AI_INFRA_GOOGLE_PROJECT"}),
    ],
)
def test_what_only_a_setting_can_mend_is_a_sentence_that_names_it(
    server: Server, caller: Caller, status: StatusCode, names: set[str]
) -> None:
    server.will(code(status, "Nobody knows\nthe model."))
    with pytest.raises(ConfigurationError) as caught:
        caller(settings=["embedding_model"])
    sentence = caught.value.message
    assert "predict" in sentence
    assert "Nobody knows the model" in sentence
    assert all(name in sentence for name in names | {"AI_INFRA_EMBEDDING_MODEL"})
    assert (sentence.count(". "), sentence[-1], server.calls) == (0, ".", 1)


def test_an_address_that_is_none_names_the_region() -> None:
    nowhere = f"{'x' * 64}-aiplatform.invalid:443"  # too long to be a name: no server has to be asked
    transport = PredictionServiceClient.get_transport_class("grpc")
    with PredictionServiceClient(transport=transport(channel=grpc.insecure_channel(nowhere))) as predictions:
        error = Caller(predictions).error()
    assert isinstance(error, ConfigurationError)
    assert "AI_INFRA_REGION" in error.message


@pytest.mark.parametrize("address", ["10.0.0.1:80", "vertex.example:80", "127.0.0.1", "127.0.0.1.evil.example:80"])
def test_a_stand_in_elsewhere_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="AI_INFRA_VERTEX_ENDPOINT"):
        client(PredictionServiceClient, settings(vertex_endpoint=address))


@pytest.mark.parametrize(
    ("region", "domain", "address"),
    [
        ("europe-west4", "", "europe-west4-aiplatform.googleapis.com"),
        ("global", "", "aiplatform.googleapis.com"),
        ("europe-west4", "3.europe-west4-1.vdb.vertexai.goog", "3.europe-west4-1.vdb.vertexai.goog"),
    ],
)
def test_without_a_stand_in_the_address_is_googles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str, domain: str, address: str
) -> None:
    account = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "t"}
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    made = client(PredictionServiceClient, settings(region=region), domain)
    assert made.api_endpoint == address
    made.transport.close()  # type: ignore[no-untyped-call]


def test_no_client_is_made_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/account.json")
    made = client(PredictionServiceClient, settings())
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="GOOGLE_APPLICATION_CREDENTIALS"):
            made.predict()


def test_without_an_account_the_sentence_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(ConfigurationError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        client(PredictionServiceClient, settings()).predict()
