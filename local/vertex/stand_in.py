"""The stand-in as a whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import grpc

from common.adapters.extractive import ExtractiveGenerator
from common.adapters.minilm import MiniLmEmbedder, MiniLmTokenizer
from common.ports import Embedder
from local.ports import LOOPBACK
from local.vertex.answers import Answers
from local.vertex.datapoints import Datapoints
from local.vertex.embeddings import Embeddings
from local.vertex.index import Index
from local.vertex.methods import Call, Services, calls
from local.vertex.relay import Relay
from local.vertex.settings import Settings

_MAX_REQUEST_BYTES = 64_000_000


class VertexStandIn:
    """Serves from its creation until `close`; `host` is what an insecure channel takes.

    `faults` is what goes wrong next; `counts` is how often each method was called, by its name, and `statuses` how
    often it was answered how, by its name and that of the status.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        data: Path | None = None,
        port: int = 0,
        embedder: Embedder | None = None,
    ) -> None:
        """`data` None keeps the datapoints in memory; `port` 0 takes a free one; `embedder` None is MiniLM.

        Raises sqlite3.Error if the file cannot be used or is in use, OSError if the port is.
        """
        self.settings = settings or Settings()
        with ExitStack() as opened:
            datapoints = Datapoints(data, self.settings.invisible_seconds)
            opened.callback(datapoints.close)
            options = [("grpc.max_receive_message_length", _MAX_REQUEST_BYTES), ("grpc.so_reuseport", 0)]
            server = grpc.server(ThreadPoolExecutor(max_workers=16), options=options)
            opened.callback(lambda: server.stop(grace=1.0).wait())
            relay = Relay(port, server.add_insecure_port(f"{LOOPBACK}:0"))
            opened.callback(relay.close)
            services = Services(self._calls(datapoints, embedder or MiniLmEmbedder()), relay.drop)
            opened.callback(services.close)
            server.add_generic_rpc_handlers([services])
            server.start()
            self._opened = opened.pop_all()
        self.host = f"{LOOPBACK}:{relay.port}"
        self.faults, self.counts, self.statuses = services.faults, services.counts, services.statuses

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Answer no call any more; those under way have a second."""
        self._opened.close()

    def _calls(self, datapoints: Datapoints, embedder: Embedder) -> dict[str, Call]:
        settings, tokenizer = self.settings, MiniLmTokenizer()
        generator = ExtractiveGenerator(embedder, tokenizer)
        return calls(
            Embeddings(settings, embedder, tokenizer),
            Answers(settings, generator, tokenizer),
            Index(settings, datapoints),
        )
