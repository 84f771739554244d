"""TCP ports on loopback for the parts of the stack."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

from local.errors import StartError

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """As many different ports as asked for, none of them in use on loopback at the time of the call.

    They are not reserved: start what will listen on them soon.
    """
    with ExitStack() as held:
        return [_bound(held, 0) for _ in range(count)]


def wanted_port(port: int, option: str) -> int:
    """The port itself where nothing listens on it, a free one for 0; `option` names the setting in the error.

    Raises `StartError` (PORT_TAKEN, PORT_REFUSED).
    """
    try:
        with ExitStack() as held:
            return _bound(held, port)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise StartError(
                "PORT_TAKEN",
                f"Port {port} on {LOOPBACK} is in use by another program. Stop that program, or choose another port "
                f"with {option} (0 takes any free one).",
            ) from None
        raise StartError(
            "PORT_REFUSED",
            f"Port {port} on {LOOPBACK} cannot be used ({error}). Choose one from 1024 to 65535 with {option} "
            f"(0 takes any free one).",
        ) from None


def _bound(held: ExitStack, port: int) -> int:
    listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    # As servers do: connections of an earlier run that still linger do not make a port taken.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    bound: int = listener.getsockname()[1]
    return bound
