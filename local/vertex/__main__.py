"""`python -m local.vertex --port N --data FILE`: prints `ready 127.0.0.1:PORT`, runs until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import signal
import sqlite3
from pathlib import Path

import msgspec

from local.vertex.faults import FaultSpec
from local.vertex.settings import Settings
from local.vertex.stand_in import VertexStandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.vertex", description="A stand-in for Vertex AI.")
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0 takes a free one")
    parser.add_argument("--data", type=Path, help="the SQLite file that keeps the datapoints; without it, memory does")
    parser.add_argument("--settings", default="{}", help="JSON: the fields of local.vertex.settings.Settings")
    parser.add_argument("--faults", default="[]", help="JSON: a list of local.vertex.faults.FaultSpec")
    options = parser.parse_args()
    try:
        settings = msgspec.json.decode(options.settings, type=Settings)
        faults = msgspec.json.decode(options.faults, type=list[FaultSpec])
    except msgspec.DecodeError as error:
        raise SystemExit(f"--settings or --faults cannot be read: {error}.") from error
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        stand_in = VertexStandIn(settings, data=options.data, port=options.port)
    except sqlite3.Error as error:
        raise SystemExit(f"{options.data} cannot be used: {error}. Does another stand-in run on it?") from error
    except OSError as error:
        raise SystemExit(f"Port {options.port} cannot be bound: choose another with --port. ({error})") from error
    with stand_in:
        try:
            for fault in faults:
                fault.add_to(stand_in.faults)
        except ValueError as error:
            raise SystemExit(f"--faults cannot be met: {error}.") from error
        print(f"ready {stand_in.host}", flush=True)
        signal.sigwait(stops)


if __name__ == "__main__":
    main()
