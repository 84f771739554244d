"""The one-machine stack: parts are started in the order of their needs, watched, and stopped in the order of work.

On the way down, what brings work in goes first (drop folder, schedule, API), then the Pub/Sub emulator, which waits for
the pushes that are under way, then the functions, the storage and the database that those pushes work on.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from common import config
from common.config import Profile
from local.background import in_background, started_meanwhile
from local.data_folder import DataFolder, write_for_owner
from local.drop_folder import DropFolder
from local.drop_state import DropState
from local.errors import StartError
from local.functions import Functions, function_command
from local.guard import signal_group
from local.ports import LOOPBACK, wanted_port
from local.postgres import PostgresServer, start_postgres, url_on
from local.process import ChildProcess, Command, Log, line_printed, named, start
from local.pubsub import DELIVER
from local.schedule import ScheduledCall
from local.schema import DATABASE, GROUPS, OPERATOR, PIPELINE, iam_logins, prepare_database
from local.settings import EXTRACTION_BUCKET, PROJECT, UPLOAD_BUCKET, Environment
from local.storage import BucketUploader, Notifications, StorageServer, create_buckets, start_storage, storage_client
from local.subscriptions import apply_topology
from local.tenancy import DemoTenant, demo_tenant
from local.topology import read_topology

if TYPE_CHECKING:
    from local.cloud_parts import CloudParts

CHECKOUT = Path(__file__).resolve().parents[1]
# The topic that the upload bucket tells of its objects on, and the functions that bring work in from outside.
OBJECT_EVENTS = "object-events"
ASKED = ("api", "reconcile")
# The parts of profile `gcp` that need a port.
CLOUD_PARTS = ("vertex", "firestore", "cloud_sql")
PUBSUB_GRACE_SECONDS = 15.0
# Of a subscription at once, where no function is to serve more; and whose messages take turns: each document's.
PUSHES, SOURCE = 4, "document_id"
DROP_GRACE_SECONDS = 5.0
# A call that is under way when the stack stops ends with the function, a moment later.
SCHEDULE_GRACE_SECONDS = 1.0
WATCH_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """How a stack runs: `port` is the API's (0 takes a free one), `drop` the drop folder (None: one in `data`).

    In profile `gcp` the functions run on the adapters of Google Cloud, against stand-ins; that needs Java and Google's
    Firestore emulator. Each message is delivered `duplicate` times. `settings` are fields of `common.config.Settings`
    and of `common.cloud_settings.CloudSettings`, and their texts. `concurrency` has the requests that a function serves
    at once where that is to be other than in the topology. Without `durable`, which is for tests, a crash of the
    machine may lose the data. `log` takes every part's lines.
    """

    data: Path
    port: int = 0
    drop: Path | None = None
    profile: Profile = Profile.LOCAL
    duplicate: int = 1
    schedule_seconds: float = 5.0
    settings: Mapping[str, str] = field(default_factory=dict)
    concurrency: Mapping[str, int] = field(default_factory=dict)
    durable: bool = True
    log: Log = lambda _: None


class Stack:
    """A whole stack, ready to use from when its context is entered and gone when that is left."""

    postgres: PostgresServer
    storage: StorageServer
    functions: Functions
    tenant: DemoTenant
    ports: Mapping[str, int]
    cloud: CloudParts | None = None

    def __init__(self, options: StackOptions) -> None:
        """Raises `StartError` (TOPOLOGY_INVALID)."""
        self._options = options
        self._say = named("stack", options.log)
        self._topology = read_topology(CHECKOUT / "infra" / "topology.yaml")
        self._children: list[ChildProcess] = []
        self._ended = threading.Event()
        self._failure: StartError | None = None
        self.folder = DataFolder(options.data.resolve())
        self.drop_folder = (options.drop or self.folder.drop).resolve()

    def __enter__(self) -> Self:
        """Raises `StartError` where a part cannot run; nothing of the stack runs on then."""
        with ExitStack() as parts:
            self._start(parts)
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say("stopping")
        self._parts.close()
        self._say("stopped")

    @property
    def api(self) -> str:
        """The API's URL."""
        return f"http://{LOOPBACK}:{self.ports['api']}"

    def database_url(self, user: str) -> str:
        """SQLAlchemy's URL of the system's database for one of the logins of `local.schema`, or for the superuser."""
        return self.postgres.url(DATABASE, user)

    def describe(self) -> dict[str, str]:
        """What a person or a script needs to use the stack."""
        return {
            "api": self.api,
            "bucket": UPLOAD_BUCKET,
            "storage_endpoint": self.storage.endpoint,
            "drop_folder": str(self.drop_folder),
            "team": self.tenant.team,
            "project": self.tenant.project,
            "project_id": str(self.tenant.project_id),
            "api_key": self.tenant.api_key,
        }

    def wait(self) -> None:
        """Return never; raises `StartError` (PART_DIED) when a part ends that the stack cannot go on without."""
        self._ended.wait()
        assert self._failure is not None  # noqa: S101 - for the type checker: it is set first
        raise self._failure

    def kill(self) -> None:
        """End every part at once. What is under way is done again at the next start."""
        functions = list(self.functions.children().values()) if hasattr(self, "functions") else []
        for child in [*self._children, *functions]:
            signal_group(child.pid, signal.SIGKILL)

    def _start(self, parts: ExitStack) -> None:
        parts.enter_context(self.folder.held())
        self.ports = self._choose_ports()
        database = parts.enter_context(started_meanwhile(self._start_postgres))
        self.storage = parts.enter_context(self._start_storage())
        self._children.append(self.storage.process)
        if self._options.profile is Profile.GCP:
            self.cloud = parts.enter_context(self._start_cloud_parts())
            self._children.extend(self.cloud.processes)
        pubsub = parts.enter_context(self._start_pubsub())
        self._apply_topology()
        if self._options.profile is Profile.GCP:
            database.result()  # there, functions ask it before they listen
        self.functions = parts.enter_context(self._start_functions())
        self.postgres = database.result()
        operator = self._environment(OPERATOR)
        self.tenant = demo_tenant(
            self.database_url(OPERATOR),
            peppers=config.load(operator.variables()).peppers,
            key_file=self.folder.demo_key,
        )
        self.functions.wait_until_ready()
        # Only now: what is still owed from an earlier run is pushed at once.
        os.kill(pubsub.pid, DELIVER)
        self._children.append(pubsub)
        parts.callback(pubsub.stop)
        parts.callback(self.functions.stop, ASKED)
        write_for_owner(self.folder.admin_environment, operator.script())
        parts.callback(self.folder.admin_environment.unlink, missing_ok=True)
        parts.enter_context(in_background("watch", self._watch, grace_seconds=2 * WATCH_SECONDS))
        self._enter_schedules(parts)
        self._enter_drop_folder(parts)

    def _choose_ports(self) -> dict[str, int]:
        wanted = {"api": wanted_port(self._options.port, "--port")} if self._options.port else {}
        stand_ins = CLOUD_PARTS if self._options.profile is Profile.GCP else ()
        names = ["postgres", "storage", "pubsub", *stand_ins, *self._topology.functions]
        return self.folder.ports([name for name in names if name not in wanted]) | wanted

    def _start_postgres(self) -> PostgresServer:
        options = self._options
        server = start_postgres(self.folder.path, port=self.ports["postgres"], log=options.log, durable=options.durable)
        self._children.append(server.process)
        try:
            prepare_database(server, GROUPS | iam_logins(self._topology.functions, PROJECT))
        except BaseException:
            server.stop()
            raise
        return server

    def _start_storage(self) -> StorageServer:
        notifications = Notifications(
            pubsub_port=self.ports["pubsub"], project=PROJECT, topic=OBJECT_EVENTS, bucket=UPLOAD_BUCKET
        )
        return start_storage(
            self.folder.path, port=self.ports["storage"], notifications=notifications, log=self._options.log
        )

    def _start_cloud_parts(self) -> AbstractContextManager[CloudParts]:
        # Firestore's types cost a second of import that profile `local` has no use for.
        from local.cloud_parts import cloud_parts  # noqa: PLC0415

        return cloud_parts(
            self.folder.path,
            ports=self.ports,
            accounts=[*self._topology.functions, OPERATOR],
            checkout=CHECKOUT,
            logs=self.folder.logs,
            log=self._options.log,
        )

    def _start_functions(self) -> Functions:
        commands = {}
        for name, function in self._topology.functions.items():
            settings = self._environment(name).variables()
            at_once = self._options.concurrency.get(name, function.concurrency)
            commands[self.ports[name]] = function_command(
                name,
                replace(function, concurrency=at_once),
                port=self.ports[name],
                checkout=CHECKOUT,
                settings=settings,
            )
        return Functions(commands, logs=self.folder.logs, log=self._options.log)

    def _environment(self, account: str) -> Environment:
        """What a function, or the operator, finds: an account of its own in `gcp`, else the login of its group."""
        login = account if account in GROUPS else PIPELINE
        cloud = self.cloud
        return Environment(
            profile=self._options.profile,
            database_url="" if cloud else url_on(self.ports["postgres"], DATABASE, login),
            storage_endpoint=self.storage.endpoint,
            pubsub_port=self.ports["pubsub"],
            peppers=self.folder.peppers(),
            changes=self._options.settings,
            cloud=cloud.settings(account) if cloud else {},
            libraries=cloud.variables(account) if cloud else {},
        )

    def _start_pubsub(self) -> ChildProcess:
        options = {
            "port": self.ports["pubsub"],
            "data": self.folder.pubsub,
            "duplicate": self._options.duplicate,
            "in-flight": max((PUSHES, *self._options.concurrency.values())),
            "source": SOURCE,
        }
        command = Command(
            name="pubsub",
            arguments=(
                sys.executable,
                "-P",
                "-m",
                "local.pubsub",
                "--held",
                *(f"--{name}={value}" for name, value in options.items()),
            ),
            environment={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1"},
            grace_seconds=PUBSUB_GRACE_SECONDS,
        )
        return start(command, logs=self.folder.logs, log=self._options.log, ready=line_printed("ready "))

    def _apply_topology(self) -> None:
        """Topics before buckets: an object's event has somewhere to go from the first one on."""
        apply_topology(
            self._topology,
            emulator=f"{LOOPBACK}:{self.ports['pubsub']}",
            project=PROJECT,
            endpoints={name: f"http://{LOOPBACK}:{self.ports[name]}/" for name in self._topology.functions},
            log=self._say,
        )
        create_buckets(storage_client(self.storage.endpoint, PROJECT), (UPLOAD_BUCKET, EXTRACTION_BUCKET))

    def _watch(self, stop: threading.Event) -> None:
        """Start ended functions again; a part that keeps data and has ended is the end of the stack."""
        while not stop.wait(WATCH_SECONDS):
            self.functions.restart_ended()
            for child in self._children:
                if child.exit_code() is not None and self._failure is None:
                    self._failure = StartError("PART_DIED", f"{child.name} ended unasked. {child.evidence()}")
                    self._ended.set()

    def _enter_schedules(self, parts: ExitStack) -> None:
        for name, schedule in self._topology.schedules.items():
            call = ScheduledCall(
                function=schedule.function,
                port=self.ports[schedule.function],
                pause_seconds=self._options.schedule_seconds,
                timeout_seconds=self._topology.functions[schedule.function].timeout_seconds,
                log=named("schedule", self._options.log),
            )
            parts.enter_context(in_background(f"schedule {name}", call.run, grace_seconds=SCHEDULE_GRACE_SECONDS))

    def _enter_drop_folder(self, parts: ExitStack) -> None:
        """The demo project's folder is made, so that there is a place to copy the first file to."""
        (self.drop_folder / self.tenant.team / self.tenant.project).mkdir(parents=True, exist_ok=True)
        uploader = BucketUploader(storage_client(self.storage.endpoint, PROJECT).bucket(UPLOAD_BUCKET))
        state = DropState(self.folder.path / "drop.db")
        parts.callback(state.close)
        watcher = DropFolder(self.drop_folder, state, uploader, named("drop", self._options.log))
        parts.enter_context(in_background("drop folder", watcher.run, grace_seconds=DROP_GRACE_SECONDS))
