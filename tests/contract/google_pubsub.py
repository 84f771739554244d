"""Google's own Pub/Sub emulator, run straight from its jar where the gcloud SDK has it."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.ports import free_ports

READY = "Server started, listening on"


def find_jar() -> Path | None:
    """The newest jar of the SDK that the `gcloud` on PATH belongs to, or of the usual places for the SDK."""
    gcloud = shutil.which("gcloud")
    roots = [Path(gcloud).resolve().parents[1]] if gcloud else []
    roots += [Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"]
    jars = [jar for root in roots for jar in root.glob("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar")]
    return max(jars, default=None)


def why_missing() -> str | None:
    """A sentence for a skipped test; None where the emulator can run."""
    if shutil.which("java") is None:
        return "Google's Pub/Sub emulator needs java, which is not on PATH"
    if find_jar() is None:
        return "gcloud has no Pub/Sub emulator here (gcloud components install pubsub-emulator)"
    return None


@contextmanager
def running() -> Iterator[str]:
    """Its HOST:PORT; started when this is entered, killed when it is left. It keeps nothing."""
    port = free_ports(1)[0]
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", str(find_jar())]
    command = ["java", *options, "--host=127.0.0.1", f"--port={port}"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={"PATH": os.environ["PATH"]}
    )
    with process:
        try:
            _await_ready(process)
            drain = threading.Thread(target=process.communicate, daemon=True)
            drain.start()
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()
        drain.join()


def _await_ready(process: subprocess.Popen[str]) -> None:
    printed = []
    for line in process.stdout or ():
        printed.append(line)
        if READY in line:
            return
    raise RuntimeError("Google's Pub/Sub emulator ended before it was ready: " + "".join(printed))
