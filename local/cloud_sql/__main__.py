"""`python -m local.cloud_sql --instance P:R:I --postgres PORT --keys FOLDER NAME…`: prints `ready http://127.0.0.1:PORT`.

Runs until SIGTERM or SIGINT.
"""

import argparse
import signal
from pathlib import Path

from local.cloud_sql.stand_in import CloudSqlStandIn
from local.errors import StartError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.cloud_sql", description="A stand-in for Cloud SQL.")
    parser.add_argument("--port", type=int, default=0, help="of the Admin API on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--instance", required=True, help="PROJECT:REGION:INSTANCE")
    parser.add_argument("--postgres", type=int, required=True, help="port of the Postgres on 127.0.0.1")
    parser.add_argument("--keys", type=Path, required=True, help="folder for the service accounts' keys, NAME.json")
    parser.add_argument("names", nargs="+", metavar="NAME", help="a service account that may connect")
    options = parser.parse_args()
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        stand_in = CloudSqlStandIn(
            options.instance,
            postgres_port=options.postgres,
            names=options.names,
            keys=options.keys,
            port=options.port,
        )
    except (OSError, StartError) as error:
        raise SystemExit(f"The stand-in for Cloud SQL cannot start: {error}") from error
    with stand_in:
        print(f"ready {stand_in.endpoint}", flush=True)
        signal.sigwait(stops)


if __name__ == "__main__":
    main()
