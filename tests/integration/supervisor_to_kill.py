"""Starts two parts and waits to be ended without a chance to stop them; run by test_process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from local.process import Command, line_printed, start

logs, life_line = Path(sys.argv[1]), sys.argv[2]
# Nobody reads its output any more once the supervisor is gone.
TIDY = """
trap 'echo tidying up >"$1"; exit' TERM
exec 3>"$0"; echo up; exec >/dev/null 2>&1
while :; do sleep 0.01; done
"""
WITH_CHILD = 'exec 3>"$0"; sleep 600 & echo up; wait'

for number, script in enumerate((TIDY, WITH_CHILD)):
    start(
        Command(f"part{number}", ("/bin/sh", "-c", script, life_line, str(logs / "tidied")), {"PATH": os.defpath}),
        logs=logs,
        log=lambda _: None,
        ready=line_printed("up"),
    )
print("both parts run", flush=True)
signal.pause()
