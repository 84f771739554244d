"""`python -m local.pubsub --port N --data FILE`: prints `ready 127.0.0.1:PORT`, runs until SIGTERM or SIGINT.

With `--held` it takes messages, and pushes none before SIGUSR1.
"""

import argparse
import logging
import signal
import sqlite3
from pathlib import Path

from local.pubsub import DELIVER
from local.pubsub.emulator import PubSubEmulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.pubsub", description="A Pub/Sub emulator that pushes.")
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="the SQLite file that keeps what is not acknowledged")
    parser.add_argument("--duplicate", type=int, default=1, help="deliver every message this many times")
    parser.add_argument("--in-flight", type=int, default=4, help="pushes of a subscription at once (%(default)s)")
    parser.add_argument("--source", default="", metavar="ATTRIBUTE", help="messages that differ in it take turns")
    parser.add_argument("--held", action="store_true", help="push nothing before SIGUSR1")
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", level=logging.INFO)
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops | {DELIVER})
    try:
        emulator = PubSubEmulator(
            options.data,
            port=options.port,
            duplicate=options.duplicate,
            in_flight=options.in_flight,
            source=options.source,
            held=options.held,
        )
    except sqlite3.Error as error:
        raise SystemExit(f"{options.data} cannot be used: {error}. Does another emulator run on it?") from error
    except RuntimeError as error:
        raise SystemExit(f"Port {options.port} cannot be bound: choose another with --port. ({error})") from error
    with emulator:
        print(f"ready {emulator.host}", flush=True)
        while signal.sigwait(stops | {DELIVER}) is DELIVER:
            emulator.deliver()


if __name__ == "__main__":
    main()
