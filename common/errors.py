"""What may go wrong, named by what becomes of the message that met it.

Every error carries a reason (an UPPER_SNAKE code, for machines) and a sentence that tells a person what to do.
"""

from __future__ import annotations

UNDECODABLE = "UNDECODABLE"
"""The reason of a message that no repetition makes readable."""
NOT_VISIBLE = "NOT_VISIBLE"
"""The reason of a job whose vectors the index did not show: some may be lost, and only another run brings them back."""

URL_UNREACHABLE = "URL_UNREACHABLE"
"""The reason of a fetch whose site did not answer: nothing of the installation's is at fault."""


class AiInfraError(Exception):
    """Root of the project's errors: `reason` for machines, the text for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Permanent(AiInfraError):  # noqa: N818 - named by its outcome, as the protocol does
    """No repetition can help: the job fails with this reason and the message is acknowledged.

    `retryable` tells a person whether processing the same object again later could end differently.
    """

    def __init__(self, reason: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(reason, message)
        self.retryable = retryable


class Retryable(AiInfraError):  # noqa: N818
    """A repetition may help: the message is redelivered with back-off and dead-lettered after the last attempt."""


class Deferred(AiInfraError):  # noqa: N818
    """Not a failure, only too early: wait at most `wait_seconds`, publish the message again, acknowledge this one.

    `bounded` is false where the wait is sure to end, however long the queue: it may be repeated without limit.
    """

    def __init__(self, reason: str, message: str, *, wait_seconds: float, bounded: bool = True) -> None:
        super().__init__(reason, message)
        self.wait_seconds = wait_seconds
        self.bounded = bounded


class Superseded(AiInfraError):  # noqa: N818
    """The job's work is no longer wanted: it ends here, quietly, and its message is acknowledged."""

    def __init__(self, message: str) -> None:
        super().__init__("SUPERSEDED", message)


class Finished(AiInfraError):  # noqa: N818
    """The job has ended before: its message is a duplicate or too late, changes nothing, and is acknowledged."""

    def __init__(self, message: str) -> None:
        super().__init__("FINISHED", message)


class UndecodableError(AiInfraError):
    """The message's body is not what `topic` promises: no repetition can change that, so it is kept aside."""

    def __init__(self, message: str, *, topic: str) -> None:
        super().__init__(UNDECODABLE, message)
        self.topic = topic


class ConfigurationError(AiInfraError):
    """A setting is missing or cannot be used; the text names it and says what it should be."""

    def __init__(self, message: str) -> None:
        super().__init__("CONFIGURATION", message)
