"""How a child ended, and whose fault it was."""

from __future__ import annotations

import os
import re
import signal
import sys
from dataclasses import dataclass

from common.errors import AiInfraError, Permanent, Retryable
from common.extraction.reading import too_large_for_memory

# What a library says when it gives up for want of memory; these of C++, Rust, and pdfium.
_NO_MEMORY = re.compile(rb"bad_alloc|memory allocation of \d+ bytes failed|out of memory", re.IGNORECASE)
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""The unit that the system counts a process's memory in."""
# No parser sends these, nor SIGKILL: they come from whoever ends the instance, or its machine.
_FROM_OUTSIDE = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """The end of a child that gave no answer: its wait status, the most memory that it held, its last words."""

    status: int
    peak_bytes: int
    last_words: bytes

    def __str__(self) -> str:
        """The end in a word, and what the child held: `Segmentation fault, 27 MiB`."""
        code = os.waitstatus_to_exitcode(self.status)
        end = f"exit {code}" if code >= 0 else signal.strsignal(-code)
        return f"{end}, {self.peak_bytes >> 20} MiB"

    def error(self, memory_bytes: int) -> AiInfraError:
        """What it means for the document, which might have had so much memory."""
        number = os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else 0
        if number == signal.SIGXCPU:
            return out_of_time()
        if wanted_memory(self.peak_bytes, memory_bytes) or _NO_MEMORY.search(self.last_words):
            return too_large_for_memory()
        if number == signal.SIGKILL:
            return Killed()
        if number in _FROM_OUTSIDE:
            return Interrupted()
        return crashed()


def wanted_memory(peak_bytes: int, memory_bytes: int) -> bool:
    """Whether what failed has failed for want of memory, as far as can be told.

    The limit is one on the address space, and ends nothing by itself: it makes the next request for some fail, which
    few libraries say. What they hold at that moment is less, half of it at least.
    """
    return peak_bytes >= memory_bytes // 2


def crashed() -> Permanent:
    """The document brought its parser down."""
    return Permanent(
        "EXTRACTION_CRASHED",
        "The program that reads files of this type crashed at the document. Save or export it again, or in another"
        " format, and upload the new file.",
    )


def out_of_time() -> Permanent:
    """The document took more time than one may have."""
    return Permanent(
        "EXTRACTION_TIMEOUT",
        "Reading the document takes longer than one document may. Split it into parts, or save it in another format.",
    )


class Interrupted(Retryable):
    """Reading ended by nothing that the document did."""

    def __init__(self) -> None:
        super().__init__("EXTRACTION_INTERRUPTED", "Reading the document was interrupted; it is tried again.")


class Killed(Retryable):
    """The child was killed, and its instance was not: what the system does when the machine has no more memory.

    It may have others to thank for that, so that it is tried again; of what always ends so, this is the reason.
    """

    def __init__(self) -> None:
        super().__init__(
            "EXTRACTION_MEMORY",
            "The system ended the reading of the document, most likely because the machine had no more memory.",
        )


class ServerGone(Interrupted):
    """There is no fork server any more, and with it went its children."""
