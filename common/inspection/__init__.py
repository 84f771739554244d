"""What always holds, as a check that can be run: bucket, rows, vector index and chunk texts compared, and repaired.

The invariants are numbered as in the design: 1 every object ends in a document, 2 chunks are complete, 3 the newest
wins, 4 one set of chunks answers, 5 teams are apart, 6 Postgres is the truth.
"""

from common.inspection.findings import Findings, Remedy, Violation
from common.inspection.inspect import Inspect
from common.inspection.state import EVERYTHING, Within

__all__ = ["EVERYTHING", "Findings", "Inspect", "Remedy", "Violation", "Within"]
