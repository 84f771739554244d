"""Which settings a program's code reads in profile `gcp`: found by recording, not listed.

What the program's source names of the application is followed on a real one, with the adapters of Google Cloud and
settings that note each field that is asked for. The checks at its start count, and so does logging in to the database,
which ends at a closed port. No call leaves this machine.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest

from common import bootstrap, config, preflight
from common.bootstrap import Application
from common.bootstrap.cloud_parts import CloudParts
from common.cloud_settings import CloudSettings
from common.config import Settings, VectorIndexKind
from common.errors import Retryable
from common.setting import variable
from local.cloud_sql.accounts import ServiceAccounts
from local.ports import LOOPBACK, free_ports

ROOT = Path(__file__).resolve().parents[2]
ADMIN, MIGRATE = "admin", "migrate"
"""The programs that are jobs; the others are functions, by their names."""
DECLARED = frozenset(declared.name for kind in (Settings, CloudSettings) for declared in fields(kind))

_PLACE = "projects/sample/locations/europe-west4"
_SAMPLE = {
    "profile": "gcp",
    "google_project": "sample",
    "upload_bucket": "uploads",
    "extraction_bucket": "extractions",
    "key_peppers": "1:a pepper of the tests",
    "region": "europe-west4",
    "vector_index_name": f"{_PLACE}/indexes/1",
    "vector_index_endpoint": f"{_PLACE}/indexEndpoints/1",
    "vector_index_domain": "1.europe-west4.vdb.vertexai.goog",
    "deployed_index": "chunks",
    "ocr": "document_ai",
    "document_ai_processor": f"{_PLACE}/processors/1",
    "cloud_sql_instance": "sample:europe-west4:main",
    "cloud_sql_user": "user",
}

# How a source comes by an application, or its settings: by `with`, by a call, as a parameter.
_ENTERED = ("starting", "installation")
_MADE: dict[str, Chain] = {"application": (), "wired": (), "load": ("settings",)}
_PASSED: dict[str, Chain] = {"Application": (), "Settings": ("settings",)}

type Chain = tuple[str, ...]


@cache
def reads(program: str, vector_index: VectorIndexKind) -> frozenset[str]:
    """The fields of `Settings` and `CloudSettings` that this function or job reads at work."""
    if program == MIGRATE:  # what logs in, and nothing of an application
        return _read_at_login() & frozenset(declared.name for declared in fields(CloudSettings))
    with _recorded(vector_index) as (application, names):
        for chain in _chains_of(program):
            _follow(application, chain)
    return frozenset(names & DECLARED) | _read_at_login()


@cache
def required(program: str) -> frozenset[str]:
    """The fields without a default: the program does not start unless each is set."""
    kinds = (CloudSettings,) if program == MIGRATE else (Settings, CloudSettings)
    return frozenset(declared.name for kind in kinds for declared in fields(kind) if declared.default is MISSING)


@cache
def _read_at_login() -> frozenset[str]:
    with _recorded(VectorIndexKind.PGVECTOR) as (application, names):
        with suppress(Retryable):
            application.engine.connect()
        application.engine.dispose()
    return frozenset(names & DECLARED)


@contextmanager
def _recorded(vector_index: VectorIndexKind) -> Iterator[tuple[Application, set[str]]]:
    """An application whose settings put each name that is asked for into the set."""
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        (closed,) = free_ports(1)
        key = Path(directory) / "key.json"
        _accounts().write_key("sample", key, token_uri=f"http://{LOOPBACK}:{closed}")
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
        values = {**_SAMPLE, "vector_index": vector_index, "cloud_sql_api_endpoint": f"http://{LOOPBACK}:{closed}"}
        environment = {variable(name): value for name, value in values.items()}
        names: set[str] = set()
        settings = _recording(config.load(environment), names)
        cloud = _recording(config.load_cloud(environment), names)
        names.clear()  # what they asked of themselves when they were made
        yield Application(settings, CloudParts(settings, cloud)), names


@cache
def _accounts() -> ServiceAccounts:
    return ServiceAccounts("sample", ["sample"])


def _recording[T: (Settings, CloudSettings)](settings: T, names: set[str]) -> T:
    """The same settings, which put each name that is asked for into `names`."""

    def noted(self: object, name: str) -> Any:
        names.add(name)
        return object.__getattribute__(self, name)

    kind = type(settings)
    recording = type(f"Recording{kind.__name__}", (kind,), {"__getattribute__": noted})
    return cast(T, recording(**{declared.name: getattr(settings, declared.name) for declared in fields(kind)}))


def _follow(application: Application, chain: Chain) -> None:
    value: object = application
    for name in chain:
        if not isinstance(value, Application | Settings):
            return
        value = getattr(value, name)


def _chains_of(program: str) -> Iterator[Chain]:
    """What the program asks of its application: attributes of attributes, as its source names them."""
    wiring = _parsed(Path(bootstrap.__file__))
    for name in ("application", "wired", "starting"):
        definition = cast(ast.stmt, _definition(wiring, name))
        yield from _asked(definition)
        yield from _settings_read(definition)
    folder = ROOT / "cli" if program == ADMIN else ROOT / "functions" / program
    trees = [_parsed(file) for file in sorted(folder.glob("*.py"))]
    own = {chain for tree in trees for chain in _asked(tree)}
    yield from own
    if ("settings",) in own:  # handed on whole, to be read elsewhere in the package
        for tree in trees:
            yield from _settings_read(tree)
    for tree in trees:
        for name in sorted(_loaded(tree)):
            yield from _asked_by_check(name)


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _definition(tree: ast.Module, name: str) -> ast.stmt | None:
    """The module's function or constant of this name."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            return statement
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return statement
    return None


def _asked_by_check(name: str) -> Iterator[Chain]:
    """What a check of `common.preflight`, or each of a tuple of checks, asks of its parts."""
    definition = _definition(_parsed(Path(preflight.__file__)), name)
    if definition is not None:
        yield from _chains(definition, "parts", ())
    if isinstance(definition, ast.Assign):
        for used in sorted(_loaded(definition.value)):
            yield from _asked_by_check(used)


def _asked(tree: ast.AST) -> Iterator[Chain]:
    """What is asked of applications, and of settings, under the names that they have in this source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            if _called(node.context_expr) in _ENTERED:
                yield from _chains(tree, node.optional_vars.id, ())
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            prefix = _MADE.get(_called(node.value))
            if prefix is not None:
                yield from _chains(tree, node.targets[0].id, prefix)
        elif isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name):
            prefix = _PASSED.get(node.annotation.id)
            if prefix is not None:
                yield from _chains(tree, node.arg, prefix)


def _called(node: ast.expr) -> str:
    """`load` of `config.load()`."""
    return ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""


def _chains(tree: ast.AST, root: str, prefix: Chain) -> set[Chain]:
    """`("settings", "top_k")` for `root.settings.top_k`, wherever it stands."""
    nodes = list(ast.walk(tree))
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    chains = (_chain(node) for node in nodes if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner)
    return {(*prefix, *chain[1:]) for chain in chains if chain[0] == root}


def _chain(node: ast.expr) -> Chain:
    if isinstance(node, ast.Attribute):
        return (*_chain(node.value), node.attr)
    return (node.id,) if isinstance(node, ast.Name) else ("",)


def _settings_read(tree: ast.AST) -> Iterator[Chain]:
    """What is read of anything that is called settings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and hasattr(Settings, node.attr) and _chain(node.value)[-1] == "settings":
            yield ("settings", node.attr)


def _loaded(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
