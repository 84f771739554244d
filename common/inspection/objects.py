"""What has to hold between the bucket and the rows, for an object that is there: invariants 1 and 6."""

from __future__ import annotations

from datetime import datetime

from common.inspection.findings import KINDS, Violation
from common.inspection.patience import Patience
from common.inspection.state import ObjectState


def violation(state: ObjectState) -> Violation | None:
    """What is wrong with the object, however young that is; see `is_young`."""
    if state.deleted_at is not None:
        message = "its document was deleted, and the object is still there."
        return _about(state, "OBJECT_LEFT", message)
    if not state.known and not state.unrouted:
        message = "no document has this generation, and it is not on record as unrouted."
        return _about(state, "OBJECT_UNSEEN", message)
    if state.routable_since is not None and not state.known:
        message = "its team and project exist by now, and it is still on record as unrouted."
        return _about(state, "OBJECT_UNSEEN", message)
    return None


def is_young(state: ObjectState, now: datetime, patience: Patience) -> bool:
    """True if its event may still be on its way."""
    since = state.deleted_at or state.routable_since or state.stored.created_at
    return since is not None and not patience.overdue(since, now)


def _about(state: ObjectState, reason: str, message: str) -> Violation:
    stored = state.stored
    invariant, remedy = KINDS[reason]
    return Violation(
        invariant=invariant,
        reason=reason,
        subject=f"object {stored.uri}#{stored.generation}",
        message=f"{stored.uri}: {message}",
        remedy=remedy,
        team_id=state.team_id,
        document_id=state.document_id,
        stored=stored,
    )
