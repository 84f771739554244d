"""Everything of Google Cloud that an installation asks, stood in for in this process, so that faults can be put in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.setting import variable
from local.cloud_sql.names import database_user, email
from local.cloud_sql.stand_in import CloudSqlStandIn
from local.ports import free_ports
from local.pubsub.emulator import PubSubEmulator
from local.schema import OPERATOR, add_logins, iam_logins
from local.storage import Notifications, create_buckets, start_storage, storage_client
from local.subscriptions import apply_topology
from local.topology import Topology
from local.vertex.settings import Settings as VertexSettings
from local.vertex.stand_in import VertexStandIn
from tests.conftest import TestDatabase
from tests.integration.faulty_firestore import FaultyFirestore

PROJECT = "preflight"
INSTANCE = f"{PROJECT}:europe-west4:main"
VERTEX = VertexSettings(project=PROJECT)
# A service account that may do nothing.
NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True)
class FaultyCloud:
    """What stands in for Google Cloud, and the environment of an operator who uses it."""

    vertex: VertexStandIn
    firestore: FaultyFirestore
    environment: dict[str, str]
    keys: Path

    def of(self, account: str) -> dict[str, str]:
        """The environment of a function, which has a service account of its own."""
        return {
            **self.environment,
            variable("cloud_sql_user"): database_user(email(account, PROJECT)),
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.keys / f"{account}.json"),
        }

    def mend(self) -> None:
        """Every part answers again."""
        self.vertex.faults.clear()
        self.firestore.before.clear()


@contextmanager
def faulty_cloud(database: TestDatabase, topology: Topology, folder: Path) -> Iterator[FaultyCloud]:
    """Everything that the topology's functions use, until the context is left."""
    engine = database.engine()
    add_logins(engine, iam_logins(topology.functions, PROJECT))
    engine.dispose()
    keys = folder / "keys"
    with ExitStack() as parts:
        firestore = parts.enter_context(FaultyFirestore())
        vertex = parts.enter_context(VertexStandIn(VERTEX))
        names = [OPERATOR, NOBODY, *topology.functions]
        cloud_sql = parts.enter_context(
            CloudSqlStandIn(INSTANCE, postgres_port=database.server.port, names=names, keys=keys)
        )
        pubsub = parts.enter_context(PubSubEmulator(held=True))
        endpoints = dict.fromkeys(topology.functions, "http://127.0.0.1:1/")
        apply_topology(topology, emulator=pubsub.host, project=PROJECT, endpoints=endpoints, log=lambda _: None)
        notifications = Notifications(int(pubsub.host.rpartition(":")[2]), PROJECT, "object-events", "no-such-bucket")
        [port] = free_ports(1)
        storage = parts.enter_context(
            start_storage(folder / "storage", port=port, notifications=notifications, log=lambda _: None)
        )
        client = storage_client(storage.endpoint, PROJECT)
        create_buckets(client, ["uploads", "extractions"])
        client.close()
        settings = {
            "profile": "gcp",
            "google_project": PROJECT,
            "upload_bucket": "uploads",
            "extraction_bucket": "extractions",
            "key_peppers": "1:a pepper that signs no key",
            "region": VERTEX.region,
            "vertex_endpoint": vertex.host,
            "vector_index_name": VERTEX.index_name,
            "vector_index_endpoint": VERTEX.index_endpoint_name,
            "vector_index_domain": vertex.host,
            "deployed_index": VERTEX.deployed_index,
            "cloud_sql_instance": INSTANCE,
            "cloud_sql_user": database_user(email(OPERATOR, PROJECT)),
            "cloud_sql_database": database.name,
            "cloud_sql_api_endpoint": cloud_sql.endpoint,
            "retry_seconds": "1",
        }
        environment = {variable(name): value for name, value in settings.items()} | {
            "STORAGE_EMULATOR_HOST": storage.endpoint,
            "PUBSUB_EMULATOR_HOST": pubsub.host,
            "FIRESTORE_EMULATOR_HOST": firestore.wire.address,
            "GOOGLE_APPLICATION_CREDENTIALS": str(keys / f"{OPERATOR}.json"),
        }
        yield FaultyCloud(vertex=vertex, firestore=firestore, environment=environment, keys=keys)
