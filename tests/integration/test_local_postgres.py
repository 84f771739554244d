"""The stack's Postgres: run as whoever runs the tests, root included."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pg8000.native import Connection
from sqlalchemy import create_engine, text

from local import postgres_cluster, unprivileged
from local.errors import StartError
from local.ports import free_ports
from local.postgres import PostgresServer, start_postgres

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="is about being root")
# capabilities(7)
DAC_OVERRIDE, DAC_READ_SEARCH = 1 << 1, 1 << 2


def serve(home: Path, *, durable: bool = False) -> PostgresServer:
    return start_postgres(home, port=free_ports(1)[0], log=lambda _: None, durable=durable)


def connect(server: PostgresServer, database: str = "postgres") -> Connection:
    return Connection("postgres", host="127.0.0.1", port=server.port, database=database, ssl_context=False)


def ask(server: PostgresServer, statement: str, database: str = "postgres") -> list[list[object]]:
    connection = connect(server, database)
    try:
        return list(connection.run(statement) or [])
    finally:
        connection.close()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("pristine")
    serve(home).stop()
    return home


@pytest.fixture
def home(pristine: Path, tmp_path: Path) -> Path:
    """A data folder with a cluster that no server runs on."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-a", pristine, copy], check=True)
    return copy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with serve(tmp_path_factory.mktemp("server")) as server:
        yield server


def test_sqlalchemy_connects_by_the_url(server: PostgresServer) -> None:
    engine = create_engine(server.url("postgres"), connect_args={"ssl_context": False})
    with engine.connect() as connection:
        assert connection.execute(text("select current_user, current_database()")).one() == ("postgres", "postgres")
    engine.dispose()
    assert server.url("a/b", "c d") == f"postgresql+pg8000://c%20d@127.0.0.1:{server.port}/a%2Fb"


def test_it_listens_on_loopback_alone(server: PostgresServer) -> None:
    assert ask(server, "show listen_addresses") == [["127.0.0.1"]]
    assert ask(server, "show unix_socket_directories") == [[""]]


def test_text_is_utf8_with_unicode_letters(server: PostgresServer) -> None:
    assert ask(server, "show server_encoding") == [["UTF8"]]
    assert ask(server, "select lower('ÄÖÜ'), 'Z' < 'a', 'z' < 'ä'") == [["äöü", True, True]]
    [[words]] = ask(server, "select to_tsvector('simple', '“Grüße” – naïve')")
    assert words == "'grüße':1 'naïve':2"


def test_the_extensions_are_there(server: PostgresServer) -> None:
    server.create_database("extensions")
    ask(server, "create extension vector; create extension btree_gin", "extensions")
    assert ask(server, "select '[1,2]'::halfvec <-> '[1,3]'", "extensions") == [[1.0]]


def test_databases_are_cloned_and_dropped(server: PostgresServer) -> None:
    server.create_database("pattern")
    ask(server, "create table t as select 7 as n", "pattern")
    server.create_database('odd "name"', template="pattern")
    ask(server, "insert into t values (8)", 'odd "name"')
    assert ask(server, "select n from t order by n", 'odd "name"') == [[7], [8]]
    assert ask(server, "select n from t", "pattern") == [[7]]
    server.drop_database('odd "name"')
    server.drop_database('odd "name"')
    assert ask(server, "select datname from pg_database where datname like 'odd%'") == []


def test_a_database_is_dropped_even_while_somebody_is_connected(server: PostgresServer) -> None:
    server.create_database("busy")
    connection = connect(server, "busy")
    server.drop_database("busy")
    connection.close()
    assert ask(server, "select count(*) from pg_database where datname = 'busy'") == [[0]]


@as_root
def test_as_root_it_runs_without_roots_rights(server: PostgresServer) -> None:
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    )  # fmt: skip
    assert "0" not in status["Uid"].split() + status["Gid"].split()
    assert status["NoNewPrivs"] == "1"
    # pytest's folders are for their owner alone: one right is needed to get to the cluster, the others are gone.
    assert int(status["CapEff"], 16) in {DAC_READ_SEARCH, DAC_OVERRIDE}
    for kind in ("CapPrm", "CapInh", "CapBnd", "CapAmb"):
        assert status[kind] == status["CapEff"]


@as_root
def test_where_everybody_may_enter_it_has_no_right_at_all() -> None:
    account = unprivileged.Account.named("nobody")
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    reads, enters = Path("/etc/passwd"), Path("/usr")
    before = unprivileged.arguments_before(account, program=Path(setpriv), reads=reads, enters=enters)
    said = subprocess.run([*before, "cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in said.splitlines() if line.startswith("Cap")} == {"0" * 16}


@as_root
def test_the_users_folders_are_left_as_they_are(pristine: Path) -> None:
    assert (pristine.stat().st_uid, pristine.stat().st_mode & 0o777) == (0, 0o700)
    assert (pristine / "postgres").owner() == "nobody"


@as_root
def test_as_root_without_setpriv_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartError, match=r"Install the package util-linux, or run this as a normal user") as failed:
        serve(tmp_path)
    assert failed.value.reason == "SETPRIV_MISSING"


@as_root
def test_as_root_without_the_capabilities_it_says_what_to_do(tmp_path: Path) -> None:
    script = "import sys, pathlib, local.postgres as p; p.start_postgres(pathlib.Path(sys.argv[1]), port=1, log=print)"
    ended = subprocess.run(
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-c", script, tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "as user 'nobody' it cannot reach" in ended.stderr
    assert "Run this as a normal user, or move both to where other users may enter" in ended.stderr


@as_root
def test_a_cluster_of_another_user_is_refused_in_a_sentence(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = Path("/tmp") / tmp_path_factory.mktemp("own").name  # noqa: S108
    folder.mkdir()
    try:
        os.chown(folder, 12345, 12345)
        os.seteuid(23456)
        with pytest.raises(StartError, match=r"belongs to user '12345'.*Start it as that user again"):
            postgres_cluster.run_as_owner(folder)
    finally:
        os.seteuid(0)
        folder.rmdir()


def test_a_cluster_of_root_is_refused_in_a_sentence() -> None:
    with pytest.raises(StartError, match="Postgres refuses to run as root"):
        postgres_cluster.run_as_owner(Path("/"))


def test_rows_survive_a_restart(home: Path) -> None:
    with serve(home) as first:
        ask(first, "create table t as select 7 as n")
    with serve(home) as second:
        assert ask(second, "select n from t") == [[7]]


def test_a_killed_server_starts_again(home: Path) -> None:
    killed = serve(home, durable=True)
    ask(killed, "create table t as select 7 as n")
    idle = connect(killed)
    os.kill(killed.process.pid, signal.SIGKILL)
    assert killed.process.stop() == -signal.SIGKILL
    assert (home / "postgres" / "postmaster.pid").exists()
    with serve(home, durable=True) as again:
        assert ask(again, "select n from t") == [[7]]
    idle.close()


def test_a_lock_left_by_a_crash_does_not_block_when_its_number_is_another_programs(home: Path) -> None:
    cluster = home / "postgres"
    with subprocess.Popen([*postgres_cluster.run_as_owner(cluster), "sleep", "600"], cwd="/") as other:
        lock = cluster / "postmaster.pid"
        lock.write_text(f"{other.pid}\n{cluster}\n1790000000\n5432\n\n127.0.0.1\n  5432001    0\nready   \n")
        shutil.chown(lock, cluster.stat().st_uid, cluster.stat().st_gid)
        with serve(home) as server:
            assert ask(server, "select 1") == [[1]]
        other.kill()


def test_a_second_server_on_a_cluster_is_refused_in_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_cluster, "PREDECESSOR_SECONDS", 0.1)
    with serve(home) as first:
        with pytest.raises(StartError, match=f"already runs on .*kill -INT {first.process.pid}") as failed:
            serve(home)
        assert failed.value.reason == "POSTGRES_RUNS"
        assert ask(first, "select 1") == [[1]]


def test_a_server_that_is_being_stopped_is_waited_for(home: Path) -> None:
    first = serve(home)
    started: list[PostgresServer] = []
    second = threading.Thread(target=lambda: started.append(serve(home)))
    second.start()
    first.stop()
    second.join()
    with started[0] as server:
        assert ask(server, "select 1") == [[1]]


def test_a_cluster_of_another_major_version_is_refused_in_a_sentence(home: Path) -> None:
    (home / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StartError, match=r"was made by Postgres 17, and this is Postgres \d+, which cannot") as failed:
        serve(home)
    assert failed.value.reason == "POSTGRES_VERSION"


def test_a_folder_that_is_no_cluster_is_left_alone(home: Path) -> None:
    cluster = home / "postgres"
    (cluster / "PG_VERSION").unlink()
    before = sorted(cluster.iterdir())
    with pytest.raises(StartError, match=r"exists but is no Postgres cluster\. Move it away"):
        serve(home)
    assert sorted(cluster.iterdir()) == before


def test_an_interrupted_initdb_is_done_again(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with serve(tmp_path) as server:
        assert ask(server, "select 1") == [[1]]
    assert not unfinished.exists()


def test_an_initdb_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_cluster, "SUPERUSER", "pg_reserved")
    with pytest.raises(StartError, match=r"could not make its cluster in .*initdb said:(.|\n)*pg_reserved") as failed:
        serve(tmp_path)
    assert failed.value.reason == "INITDB_FAILED"
    assert not (tmp_path / "postgres").exists()


def test_a_taken_port_is_reported_with_what_postgres_says(server: PostgresServer, home: Path) -> None:
    with pytest.raises(StartError, match=r"postgres ended with status 1 before it was ready(.|\n)*in use"):
        start_postgres(home, port=server.port, log=lambda _: None, durable=False)
