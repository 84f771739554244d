"""What an installation costs: the bills of an idle month, of a million pages, addresses and questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from deployment.prices import Item, Prices

type VectorIndex = Literal["vertex", "pgvector"]
type Ocr = Literal["local", "document_ai"]

MILLION = 1_000_000
GIB = 2**30
GB = 10**9


def idle_month(prices: Prices, index: VectorIndex) -> list[Item]:
    """A month in which nobody drops a file or asks a question."""
    n = prices.quantity
    node = prices.item("Vector index: node", "index_node", n("index_nodes") * n("hours"))
    return [
        prices.item("Database: CPU", "database_cpu", n("database_cpus") * n("hours")),
        prices.item("Database: memory", "database_memory", n("database_gigabytes") * n("hours")),
        prices.item("Database: disk", "database_disk", n("disk_gigabytes")),
        prices.item("Database: backups", "database_backup", n("disk_gigabytes")),
        *([node] if index == "vertex" else []),
        *_function(prices, "`reconcile`, every five minutes", n("reconcile_seconds"), cpus=1, gibibytes=0.5),
        *_function(prices, "`api`, asked whether it is up", n("uptime_seconds"), cpus=1, gibibytes=1),
        prices.item("Logs", "logs", n("idle_log_gibibytes")),
        prices.item("Alerts", "alerts", n("alert_conditions")),
        prices.item("Schedule", "schedules", 1),
        prices.item("Secrets", "secrets", n("secret_versions")),
        prices.item("Images", "images", n("image_gigabytes")),
    ]


def million_pages(prices: Prices, index: VectorIndex) -> list[Item]:
    """What a million pages cost once, from upload to ready."""
    n = prices.quantity
    chunks = MILLION * n("page_chunks")
    documents = MILLION / n("document_pages")
    update = prices.item("Vector index: updates", "index_update", chunks * n("vector_bytes") / GIB)
    return [
        prices.item("Embeddings", "embedding", n("page_tokens")),
        *([update] if index == "vertex" else []),
        *_function(prices, "`chunk`", MILLION * n("chunk_page_seconds"), cpus=2, gibibytes=4),
        *_function(prices, "`embed`, at the quota's pace", _embed_seconds(prices), cpus=1, gibibytes=1),
        *_function(prices, "`record`", chunks * n("record_chunk_seconds"), cpus=1, gibibytes=0.5),
        *_function(prices, "`intake`", documents * n("event_seconds"), cpus=1, gibibytes=0.5),
        prices.item("Chunk texts: writes", "text_writes", chunks / MILLION),
        prices.item("Objects: writes", "object_writes", 2 * documents / MILLION),
        prices.item("Messages", "messages", MILLION * n("message_kilobytes_a_page") * 1000 / 2**40),
    ]


def million_scans(prices: Prices, ocr: Ocr) -> list[Item]:
    """What a million pages cost more that are images."""
    n = prices.quantity
    seconds = n("scan_page_seconds") if ocr == "local" else n("asked_page_seconds")
    asked = prices.item("Document AI", "page_reading", MILLION / 1000)
    return [
        *([asked] if ocr == "document_ai" else []),
        *_function(prices, "`chunk`", MILLION * seconds, cpus=2, gibibytes=4),
    ]


def million_addresses(prices: Prices) -> list[Item]:
    """What a million web addresses cost to fetch, on either index: their pages cost as all others."""
    n = prices.quantity
    return [
        *_function(prices, "`fetch`", MILLION * n("fetch_seconds"), cpus=1, gibibytes=1),
        prices.item("Requests: to the API, and of the messages", "function_requests", 2),
        prices.item("Objects: writes", "object_writes", 1),
    ]


def million_pages_kept(prices: Prices, index: VectorIndex) -> list[Item]:
    """What keeping them answerable adds to each month."""
    n = prices.quantity
    chunks = MILLION * n("page_chunks")
    documents = MILLION / n("document_pages")
    calls = n("reconcile_seconds") * min(documents, n("looked_at_objects")) / n("listed_objects")
    texts = MILLION * n("page_characters")
    row_bytes = n("database_chunk_bytes") + (n("database_vector_bytes") if index == "pgvector" else 0)
    return [
        *_search_machine(prices, index),
        prices.item("Database: disk", "database_disk", chunks * row_bytes / GB),
        prices.item("Database: backups", "database_backup", chunks * row_bytes / GB),
        prices.item("Chunk texts: storage", "text_storage", texts / GIB),
        prices.item("Objects", "objects", documents * n("document_megabytes") / 1000 + texts / GB),
        prices.item("Objects: looked through by `reconcile`", "object_writes", calls / MILLION),
        *_function(prices, "`reconcile`, looking", calls * n("listed_seconds"), cpus=1, gibibytes=0.5),
    ]


def million_questions(prices: Prices) -> list[Item]:
    """What a million answered questions cost, on either index."""
    n = prices.quantity
    return [
        prices.item("Prompts", "prompt", n("prompt_tokens")),
        prices.item("Answers", "answer", n("answer_tokens")),
        prices.item("Embeddings", "embedding", n("question_tokens")),
        *_function(prices, "`api`", MILLION * n("question_seconds"), cpus=1, gibibytes=1),
        prices.item("Requests", "function_requests", 1),
        prices.item("Chunk texts: reads", "text_reads", n("question_passages")),
        prices.item("Database: disk, a month", "database_disk", MILLION * n("question_kilobytes") * 1000 / GB),
        prices.item("Logs", "logs", MILLION * n("question_log_kilobytes") * 1000 / GIB),
    ]


def shards(prices: Prices) -> int:
    """Shards, and so nodes, that the vectors of a million pages fill."""
    used = MILLION * prices.quantity("page_chunks") * prices.quantity("vector_bytes") / GIB
    return -int(-used // prices.quantity("shard_gibibytes"))


def total(items: Sequence[Item]) -> float:
    """The sum of a bill."""
    return sum(item.cost for item in items)


def _search_machine(prices: Prices, index: VectorIndex) -> list[Item]:
    """Beyond what an idle installation has already: the index's further nodes, or a larger database."""
    n = prices.quantity
    if index == "vertex":
        return [
            prices.item("Vector index: further nodes", "index_node", (shards(prices) - n("index_nodes")) * n("hours"))
        ]
    cpus = n("hot_database_cpus") - n("database_cpus")
    memory = n("hot_database_gigabytes") - n("database_gigabytes")
    return [
        prices.item("Database: more CPU", "database_cpu", cpus * n("hours")),
        prices.item("Database: more memory", "database_memory", memory * n("hours")),
    ]


def _embed_seconds(prices: Prices) -> float:
    """Seconds of all instances while a million pages go through embed's share of the quota."""
    n = prices.quantity
    minutes = MILLION * n("page_tokens") / (n("quota_tokens_a_minute") * n("embed_share"))
    return minutes * 60 * n("embed_instances")


def _function(prices: Prices, what: str, seconds: float, *, cpus: float, gibibytes: float) -> list[Item]:
    return [
        prices.item(f"{what}: CPU", "function_cpu", seconds * cpus),
        prices.item(f"{what}: memory", "function_memory", seconds * gibibytes),
    ]
