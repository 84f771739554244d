"""Cloud SQL: the real connector against the stand-in for an instance, in front of a real Postgres."""

from __future__ import annotations

import gc
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from common.adapters.cloud_sql import connect
from common.adapters.postgres.connection import begin, bind_team
from common.cloud_settings import CloudSettings
from common.errors import ConfigurationError, Retryable
from local.cloud_sql import proxy
from local.cloud_sql.admin_api import LOGIN_SCOPE
from local.cloud_sql.names import database_user, email
from local.cloud_sql.stand_in import CloudSqlStandIn
from local.errors import StartError
from local.ports import free_ports
from local.postgres import start_postgres
from local.process import Command, line_printed, start
from local.schema import add_logins, iam_logins
from tests.conftest import TestDatabase
from tests.rows import Installation, live, new_place

PROJECT = "cloud-sql-test"
INSTANCE = f"{PROJECT}:europe-west4:main"
CHUNK, API = (database_user(email(name, PROJECT)) for name in ("chunk", "api"))

pytestmark = [
    # pg8000 leaves a broken connection's socket to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


@pytest.fixture
def collected() -> Iterator[None]:
    """What a test left behind is taken away before the next one begins."""
    yield
    gc.collect()


@dataclass(frozen=True)
class Cloud:
    """A stand-in and how to use it: as the service account `chunk` unless another is named."""

    stand_in: CloudSqlStandIn
    keys: Path
    settings: CloudSettings
    monkeypatch: pytest.MonkeyPatch

    @contextmanager
    def engine(self, name: str = "chunk", *, concurrency: int = 1, **changes: Any) -> Iterator[Engine]:
        self.monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(self.keys / f"{name}.json"))
        user = database_user(email(name, PROJECT))
        engine = connect(replace(self.settings, **{"cloud_sql_user": user} | changes), concurrency=concurrency)
        try:
            yield engine
        finally:
            engine.dispose()

    def refused(self, **changes: Any) -> str:
        """What the one who tries to connect is told."""
        with self.engine(**changes) as engine, pytest.raises(ConfigurationError) as caught, begin(engine):
            pass
        return caught.value.message

    def counts(self) -> dict[str, Any]:
        counts: dict[str, Any] = requests.get(f"{self.stand_in.endpoint}/counts", timeout=10).json()
        return counts


@contextmanager
def standing_in(keys: Path, postgres_port: int, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with CloudSqlStandIn(INSTANCE, postgres_port=postgres_port, names=["chunk", "api", "nobody"], keys=keys) as it:
        settings = CloudSettings(
            region="europe-west4",
            cloud_sql_instance=INSTANCE,
            cloud_sql_user=CHUNK,
            cloud_sql_database=database,
            cloud_sql_api_endpoint=it.endpoint,
        )
        yield Cloud(it, keys, settings, monkeypatch)


@pytest.fixture(scope="module")
def logins(database: TestDatabase) -> TestDatabase:
    """The module's database, with the logins of the functions' service accounts."""
    engine = database.engine()
    add_logins(engine, iam_logins(["chunk", "api"], PROJECT))
    engine.dispose()
    return database


@pytest.fixture
def cloud(logins: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with standing_in(tmp_path, logins.server.port, logins.name, monkeypatch) as cloud:
        yield cloud


def scalar(engine: Engine, statement: str) -> Any:
    with begin(engine) as connection:
        return connection.execute(text(statement)).scalar_one()


def test_a_login_shows_a_client_certificate_and_the_login_scope_over_tls_1_3(cloud: Cloud) -> None:
    with cloud.engine() as engine:
        assert scalar(engine, "select session_user") == CHUNK
    counts = cloud.counts()
    assert counts["by"] == [
        {
            "user": CHUNK,
            "certificate": f"chunk@{PROJECT}.iam.gserviceaccount.com",
            "scopes": [LOGIN_SCOPE],
            "tls": "TLSv1.3",
            "logins": 1,
        }
    ]
    assert (counts["connect_settings"], counts["certificates"], counts["refused"]) == (1, 1, 0)


def test_nothing_is_called_before_the_first_connection(cloud: Cloud) -> None:
    before = threading.active_count()
    with cloud.engine() as engine:
        assert threading.active_count() == before
        assert cloud.counts() == {
            "tokens": 0, "connect_settings": 0, "certificates": 0, "refused": 0, "logins": 0, "by": [],
        }  # fmt: skip
        scalar(engine, "select 1")
    assert cloud.counts()["tokens"] == 2


def test_as_many_requests_as_the_instance_serves_keep_their_connections(cloud: Cloud) -> None:
    concurrency = 3
    together = threading.Barrier(concurrency, timeout=30)

    def work(engine: Engine) -> None:
        with begin(engine) as connection:
            connection.execute(text("select 1"))
            together.wait()

    with cloud.engine(concurrency=concurrency) as engine, ThreadPoolExecutor(concurrency) as threads:
        for _ in range(2):
            list(threads.map(work, [engine] * concurrency))
    counts = cloud.counts()
    assert (counts["logins"], counts["certificates"]) == (concurrency, 1)


def test_what_waits_in_the_pool_is_renewed_after_the_server_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    shown: list[str] = []
    with start_postgres(tmp_path, port=port, log=shown.append, durable=False) as server:
        with server._administration() as connection:
            connection.run(f'create role "{CHUNK}" login')
        with standing_in(tmp_path / "keys", port, "postgres", monkeypatch) as cloud, cloud.engine() as engine:
            scalar(engine, "select 1")
            server.stop()
            with pytest.raises(Retryable):
                scalar(engine, "select 1")
            with start_postgres(tmp_path, port=port, log=shown.append, durable=False):
                assert scalar(engine, "select 1") == 1
                assert cloud.counts()["logins"] == 2


def test_a_connection_that_broke_while_it_waited_costs_no_error(cloud: Cloud, logins: TestDatabase) -> None:
    owner = logins.engine()
    with cloud.engine() as engine:
        backend = scalar(engine, "select pg_backend_pid()")
        with owner.begin() as connection:
            connection.execute(text("select pg_terminate_backend(:pid, 10000)"), {"pid": backend})
        assert scalar(engine, "select pg_backend_pid()") != backend
    owner.dispose()


@pytest.mark.parametrize(
    ("changes", "named", "said"),
    [
        ({"cloud_sql_user": API}, f"AI_INFRA_CLOUD_SQL_USER={API}", "IAM service account authentication failed"),
        ({"name": "nobody"}, "AI_INFRA_CLOUD_SQL_USER=nobody@", "does not exist"),
        ({"cloud_sql_database": "missing"}, "AI_INFRA_CLOUD_SQL_DATABASE=missing", "does not exist"),
        ({"cloud_sql_instance": f"{PROJECT}:europe-west4:other"}, "AI_INFRA_CLOUD_SQL_INSTANCE=", "does not exist"),
        ({"cloud_sql_instance": f"{PROJECT}:europe-west1:main"}, "AI_INFRA_CLOUD_SQL_INSTANCE=", "another region"),
        ({"cloud_sql_instance": "elsewhere:europe-west4:main"}, "AI_INFRA_CLOUD_SQL_INSTANCE=", "cloudsql.client"),
        ({"cloud_sql_ip_type": "PUBLIC"}, "AI_INFRA_CLOUD_SQL_IP_TYPE=PUBLIC", "IP addresses"),
    ],
)
def test_what_a_setting_is_to_blame_for_is_one_sentence_that_names_it(
    cloud: Cloud, changes: dict[str, str], named: str, said: str
) -> None:
    message = cloud.refused(**changes)
    assert message.startswith(named)
    assert said in message
    assert "\n" not in message
    assert cloud.counts()["logins"] == 0


def test_a_missing_permission_is_one_sentence_and_mended_without_a_restart(cloud: Cloud) -> None:
    account = email("chunk", PROJECT)
    cloud.stand_in.accounts.clients.remove(account)
    with cloud.engine() as engine:
        with pytest.raises(ConfigurationError, match=r"AI_INFRA_CLOUD_SQL_INSTANCE=.*roles/cloudsql\.client"):
            scalar(engine, "select 1")
        cloud.stand_in.accounts.clients.add(account)
        assert scalar(engine, "select 1") == 1


def test_a_service_account_that_is_not_there_is_one_sentence_at_start(cloud: Cloud) -> None:
    with pytest.raises(ConfigurationError, match="GOOGLE_APPLICATION_CREDENTIALS"), cloud.engine("missing"):
        pass


@pytest.mark.parametrize("endpoint", ["http://example.org", "https://sqladmin.googleapis.com", "127.0.0.1:80"])
def test_no_token_is_sent_to_a_stand_in_elsewhere(cloud: Cloud, endpoint: str) -> None:
    with (
        pytest.raises(ConfigurationError, match="AI_INFRA_CLOUD_SQL_API_ENDPOINT"),
        cloud.engine(cloud_sql_api_endpoint=endpoint),
    ):
        pass


def test_two_roles_see_what_they_may(cloud: Cloud, installation: Installation) -> None:
    ours, theirs = (live(installation, new_place(installation)) for _ in range(2))
    with cloud.engine("chunk") as engine:
        assert scalar(engine, "select count(distinct team_id) from documents") >= 2
        with pytest.raises(Exception, match="permission denied for table api_keys"):
            scalar(engine, "select count(*) from api_keys")
    with cloud.engine("api") as engine:
        assert scalar(engine, "select count(*) from documents") == 0
        with begin(engine) as connection:
            bind_team(connection, ours.team_id)
            seen = set(connection.execute(text("select team_id from documents")).scalars())
    assert seen == {ours.team_id} != {theirs.team_id}
    assert {login["user"] for login in cloud.counts()["by"]} == {CHUNK, API}


def test_an_admin_api_that_does_not_answer_may_be_tried_again(cloud: Cloud) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            cloud.engine(cloud_sql_api_endpoint=endpoint, remote_seconds=0.3) as engine,
            pytest.raises(Retryable, match=INSTANCE),
        ):
            scalar(engine, "select 1")


def test_a_database_that_does_not_answer_may_be_tried_again(cloud: Cloud) -> None:
    with cloud.engine(remote_seconds=1.0) as engine:
        until(lambda: connects(engine))
        with pytest.raises(Retryable):
            scalar(engine, "select pg_sleep(600)")
        until(lambda: connects(engine))


def test_a_connection_that_hangs_while_it_waits_is_replaced(cloud: Cloud) -> None:
    with cloud.engine(remote_seconds=1.0) as engine:
        until(lambda: connects(engine))
        hanging = scalar(engine, "select pg_backend_pid()")
        os.kill(hanging, signal.SIGSTOP)
        try:
            until(lambda: connects(engine))
            assert scalar(engine, "select pg_backend_pid()") != hanging
        finally:
            os.kill(hanging, signal.SIGCONT)


def connects(engine: Engine) -> bool:
    try:
        return bool(scalar(engine, "select true"))
    except Retryable:
        return False


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline


FORKED = """
import os
import signal
from sqlalchemy import text
from common.adapters.cloud_sql import connect
from common.config import load_cloud
engine = connect(load_cloud(os.environ), concurrency=1)
if child := os.fork():
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
with engine.connect() as connection:
    print("the worker is", connection.execute(text("select session_user")).scalar_one(), flush=True)
os._exit(0)
"""


def python(root: Path, *arguments: str, **variables: str) -> Command:
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "PYTHONUTF8": "1"}
    return Command(name="python", arguments=(sys.executable, *arguments), environment=path | variables)


def test_a_worker_that_is_forked_after_the_start_connects(cloud: Cloud, root: Path, tmp_path: Path) -> None:
    settings = cloud.settings
    command = python(
        root,
        "-c",
        FORKED,
        AI_INFRA_REGION=settings.region,
        AI_INFRA_CLOUD_SQL_INSTANCE=INSTANCE,
        AI_INFRA_CLOUD_SQL_USER=CHUNK,
        AI_INFRA_CLOUD_SQL_DATABASE=settings.cloud_sql_database,
        AI_INFRA_CLOUD_SQL_API_ENDPOINT=cloud.stand_in.endpoint,
        GOOGLE_APPLICATION_CREDENTIALS=str(cloud.keys / "chunk.json"),
    )
    with start(command, logs=tmp_path / "logs", log=print, ready=line_printed(f"the worker is {CHUNK}")):
        assert cloud.counts()["logins"] == 1


def test_the_stand_in_runs_as_a_part_of_the_stack(
    cloud: Cloud, root: Path, tmp_path: Path, logins: TestDatabase
) -> None:
    (port,) = free_ports(1)
    keys = tmp_path / "other"
    command = python(
        root, "-m", "local.cloud_sql", f"--port={port}", f"--instance={INSTANCE}",
        f"--postgres={logins.server.port}", f"--keys={keys}", "chunk",
    )  # fmt: skip
    with start(command, logs=tmp_path / "logs", log=print, ready=line_printed("ready http://127.0.0.1:")) as part:
        endpoint = part.lines()[-1].removeprefix("ready ")
        with replace(cloud, keys=keys).engine(cloud_sql_api_endpoint=endpoint) as engine:
            assert scalar(engine, "select session_user") == CHUNK
        assert requests.get(f"{endpoint}/counts", timeout=10).json()["logins"] == 1
        assert part.stop() == 0
    assert cloud.counts()["logins"] == 0
    assert (keys / "chunk.json").stat().st_mode & 0o077 == 0


@contextmanager
def without_a_certificate(cloud: Cloud, version: ssl.TLSVersion) -> Iterator[ssl.SSLSocket]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=cloud.stand_in.authority.pem)
    context.maximum_version = version
    address = (cloud.stand_in.address, proxy.PORT)
    with socket.create_connection(address, timeout=30) as plain, context.wrap_socket(plain) as tls:
        yield tls


def test_the_stand_in_hears_nobody_without_a_certificate(cloud: Cloud) -> None:
    with without_a_certificate(cloud, ssl.TLSVersion.TLSv1_3) as tls:
        # In TLS 1.3 the client is done before the server has looked.
        assert tls.version() == "TLSv1.3"
        assert tls.recv(1) == b""


def test_the_stand_in_speaks_nothing_older_than_tls_1_3(cloud: Cloud) -> None:
    with pytest.raises(ssl.SSLError), without_a_certificate(cloud, ssl.TLSVersion.TLSv1_2):
        pass


def test_a_busy_or_missing_address_is_passed_over_and_none_left_is_one_sentence() -> None:
    with proxy.listen() as busy:
        taken = busy.getsockname()[0]
        nobody_s = "192.0.2.1"
        with pytest.raises(StartError, match="3307"):
            proxy.listen([taken, nobody_s])
        with proxy.listen([taken, nobody_s, *proxy.ADDRESSES]) as other:
            assert other.getsockname()[0] not in {taken, nobody_s}
