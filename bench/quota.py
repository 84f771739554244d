"""`./dev bench quota`: how long a backlog takes under a quota of tokens a minute, beside what the quota alone allows.

The whole system runs in profile `gcp` on this machine. A stand-in for Vertex AI in this process refuses what exceeds
the quota in any minute; the functions are told the same quota. The bound is T/Q minutes, for T tokens as the stand-in
counts them and a quota of Q. Time runs from the first upload until every document is ready.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cli.api import Api
from common.adapters.minilm import MiniLmTokenizer
from common.adapters.vertex.embedding_models import embedding_model
from common.config import Profile
from common.splitting import embedding_text
from local.errors import StartError
from local.settings import PROJECT, UPLOAD_BUCKET
from local.stack import Stack, StackOptions
from local.storage import storage_client
from local.vertex.settings import Settings
from local.vertex.stand_in import VertexStandIn

DOCUMENT = Path(__file__).resolve().parent.parent / "examples" / "documents" / "us-constitution.txt"
MOST_OF_BOUND, MOST_REFUSED = 1.1, 0.01
# Beyond this share of the bound the measurement is given up.
LONGEST_OF_BOUND = 4
POLL_SECONDS = 0.5
FINISHED = ("ready", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was measured; seconds and tokens."""

    model: str
    documents: int
    chunks: int
    tokens: int
    tokens_per_minute: int
    elapsed: float
    requests: int
    refused: int
    attempts_burned: int
    not_ready: int

    @property
    def bound(self) -> float:
        """The seconds that the quota alone asks for."""
        return 60 * self.tokens / self.tokens_per_minute

    @property
    def ratio(self) -> float:
        return self.elapsed / self.bound

    def aims(self) -> dict[str, bool]:
        """What was aimed at, and whether it was reached."""
        return {
            f"at most {MOST_OF_BOUND} of the bound": self.ratio <= MOST_OF_BOUND,
            f"under {MOST_REFUSED:.0%} of the requests answered 429": self.refused < MOST_REFUSED * self.requests,
            "no attempt burned": self.attempts_burned == 0,
            "every document ready": self.not_ready == 0,
        }


def measure(model: str, tokens_per_minute: int, minutes: float, batch_size: int) -> Result:
    """Work off a backlog of about so many minutes."""
    settings = Settings(
        project=PROJECT,
        index_dimensions=embedding_model(model).dimensions,
        embed_tokens_per_minute=tokens_per_minute,
    )
    with TemporaryDirectory(prefix="ai-infra-bench-") as folder, VertexStandIn(settings) as vertex:
        options = StackOptions(
            data=Path(folder),
            profile=Profile.GCP,
            settings={
                "vertex_endpoint": vertex.host,
                "vector_index_domain": vertex.host,
                "embedding_model": model,
                "embed_tokens_per_minute": str(tokens_per_minute),
                "batch_size": str(batch_size),
            },
            durable=False,
        )
        with Stack(options) as stack:
            return _measured(stack, vertex, model, minutes)


def _measured(stack: Stack, vertex: VertexStandIn, model: str, minutes: float) -> Result:
    quota = vertex.settings.embed_tokens_per_minute
    assert quota is not None  # noqa: S101 - for the type checker: `measure` set it
    content = DOCUMENT.read_text(encoding="utf-8")
    copies = ceil(minutes * quota / len(MiniLmTokenizer().token_starts(content)))
    begun = time.monotonic()
    _put(stack, content, copies)
    api = Api(stack.api, stack.tenant.api_key)
    documents = _finished(api, stack.tenant.project, copies, begun + LONGEST_OF_BOUND * 60 * minutes)
    elapsed = time.monotonic() - begun
    sizes = list(_chunk_tokens(api, documents))
    answered = {status: count for (method, status), count in vertex.statuses.items() if method == "Predict"}
    return Result(
        model=model,
        documents=copies,
        chunks=len(sizes),
        tokens=sum(sizes),
        tokens_per_minute=quota,
        elapsed=elapsed,
        requests=sum(answered.values()),
        refused=answered.get("RESOURCE_EXHAUSTED", 0),
        attempts_burned=sum(api.job(each["job_id"])["attempts"] for each in documents),
        not_ready=sum(each["status"] != "ready" for each in documents),
    )


def _put(stack: Stack, content: str, copies: int) -> None:
    bucket = storage_client(stack.storage.endpoint, PROJECT).bucket(UPLOAD_BUCKET)
    for number in range(copies):
        blob = bucket.blob(f"{stack.tenant.team}/{stack.tenant.project}/copy-{number}.txt")
        blob.upload_from_string(f"Copy {number}.\n\n{content}")


def _finished(api: Api, project: str, expected: int, deadline: float) -> list[dict[str, Any]]:
    while True:
        documents = api.documents(project)
        if len(documents) == expected and all(each["status"] in FINISHED for each in documents):
            return documents
        if time.monotonic() > deadline:
            done = sum(each["status"] in FINISHED for each in documents)
            raise StartError("BENCH_TOO_SLOW", f"Only {done} of {expected} documents were ready in time.")
        time.sleep(POLL_SECONDS)


def _chunk_tokens(api: Api, documents: Iterable[dict[str, Any]]) -> Iterator[int]:
    """The tokens of each chunk's text as it was embedded, by the stand-in's own count."""
    tokenizer = MiniLmTokenizer()
    for document in documents:
        for chunk in api.chunks(document["id"]):
            embedded = embedding_text(document["title"], chunk["heading_path"], chunk["text"])
            yield len(tokenizer.token_starts(embedded))


def show(result: Result) -> None:
    print(f"{result.model}: {result.documents} documents, {result.chunks} chunks")
    print(f"T = {result.tokens} tokens, Q = {result.tokens_per_minute} tokens a minute")
    print(f"bound T/Q = {result.bound:.0f} s, elapsed = {result.elapsed:.0f} s, ratio = {result.ratio:.2f}")
    print(f"{result.requests} requests, {result.refused} answered 429, {result.attempts_burned} attempts burned")
    for aim, reached in result.aims().items():
        print(f"{'reached' if reached else 'NOT reached'}: {aim}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench quota", description=__doc__)
    parser.add_argument("--model", default="gemini-embedding-001", help="embedding model (%(default)s)")
    parser.add_argument("--tokens", type=int, default=20_000, help="quota of tokens a minute (%(default)s)")
    parser.add_argument("--minutes", type=float, default=3.0, help="minutes of quota in the backlog (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="chunks of a message (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    arguments = parser.parse_args()
    try:
        result = measure(arguments.model, arguments.tokens, arguments.minutes, arguments.batch_size)
    except StartError as error:
        sys.exit(f"bench: {error}")
    show(result)
    if arguments.json is not None:
        written = {**asdict(result), "bound": result.bound, "ratio": result.ratio, "aims": result.aims()}
        arguments.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    sys.exit(0 if all(result.aims().values()) else 1)


if __name__ == "__main__":
    main()
