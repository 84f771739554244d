"""Runs a command with the stand-in in place of hashicorp/google.

python -m tests.infra.standin terraform -chdir=FOLDER validate
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.infra.standin.serving import serving


def main() -> int:
    """The command's exit code."""
    with serving() as environment:
        return subprocess.run(sys.argv[1:], env=os.environ | environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
