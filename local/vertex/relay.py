"""A relay in front of the gRPC server, so that a single client's connection can be cut while a call is on its way."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from local.ports import LOOPBACK

_BYTES = 65_536


class Relay:
    """Hands every connection on to the server until `close`."""

    def __init__(self, port: int, server_port: int) -> None:
        """`port` 0 takes a free one. Raises OSError if it cannot be bound."""
        self._listener = socket.create_server((LOOPBACK, port))
        self.port: int = self._listener.getsockname()[1]
        self._server_port, self._lock = server_port, threading.Lock()
        self._is_closed = False
        self._connections: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def drop(self, peer: int) -> None:
        """Cut the connection whose other end the server knows by this port."""
        with self._lock:
            for end in self._connections.pop(peer, ()):
                _shut(end)

    def close(self) -> None:
        _shut(self._listener)
        self._listener.close()
        self._threads[0].join()
        with self._lock:
            self._is_closed = True
            peers = list(self._connections)
        for peer in peers:
            self.drop(peer)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was shut
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._relay, args=[client], daemon=True)
                self._threads = [each for each in self._threads if each.is_alive()] + [thread]
                thread.start()

    def _relay(self, client: socket.socket) -> None:
        with client, suppress(ConnectionError), socket.create_connection((LOOPBACK, self._server_port)) as server:
            peer = server.getsockname()[1]
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._is_closed:
                    return
                self._connections[peer] = (client, server)
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()
            with self._lock:
                self._connections.pop(peer, None)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_BYTES):
            sink.sendall(data)
    for end in (source, sink):
        _shut(end)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):  # shut or closed already
        end.shutdown(socket.SHUT_RDWR)
