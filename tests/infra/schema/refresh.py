"""Writes google.json and google-words.json anew: the types that infra/ uses, out of a wheel of the provider's bindings.

python3 -m pip download --no-deps --dest FOLDER cdktn-provider-google==21.1.0
python -m tests.infra.schema.refresh FOLDER/cdktn_provider_google-21.1.0-py3-none-any.whl
"""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.schema.bindings import Bindings
from tests.infra.schema.declarations import word_lists

ROOT = Path(__file__).parents[3]
SCHEMA = Path(__file__).parent / "google.json"
WORDS = Path(__file__).parent / "google-words.json"

_USED = re.compile(r'^\s*(resource|data)\s+"(google_\w+)"', re.MULTILINE)
_SOURCE = re.compile(r"package/lib/([\w-]+)/(?:index-structs/)?[\w-]+\.(js|d\.ts)")
_KINDS = {"TerraformResource": "resource", "TerraformDataSource": "data"}


def used_types(folder: Path = ROOT / "infra") -> frozenset[tuple[str, str]]:
    """("resource" or "data", type) of each block in the Terraform files under `folder`."""
    files = sorted([*folder.rglob("*.tf"), *folder.rglob("*.tftest.hcl")])
    return frozenset((kind, name) for file in files for kind, name in _USED.findall(file.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Reading:
    """What the wheel says: the schema, and by type and path the words that an argument takes."""

    schema: Mapping[str, Any]
    words: Mapping[str, Mapping[str, list[str]]]

    def schema_text(self) -> str:
        """The schema as google.json holds it: one line a type, so that a change shows which."""
        parts = {
            "version": json.dumps(self.schema["version"]),
            "provider": _line(self.schema["provider"]),
            "resource_schemas": _lines(self.schema["resource_schemas"], "  "),
            "data_source_schemas": _lines(self.schema["data_source_schemas"], "  "),
        }
        return "{\n" + ",\n".join(f'  "{name}": {text}' for name, text in parts.items()) + "\n}\n"

    def words_text(self) -> str:
        """The words as google-words.json holds them, one line a type."""
        return _lines(self.words, "") + "\n"


def read_wheel(wheel: Path, types: frozenset[tuple[str, str]]) -> Reading:
    """What the wheel says of the provider and of `types`; a type that the provider does not have is a ValueError."""
    found: dict[str, dict[str, Any]] = {"resource": {}, "data": {}}
    words: dict[str, dict[str, list[str]]] = {}
    provider: Mapping[str, Any] = {}
    version = None
    for source in _sources(wheel, {name for kind, name in types} | {"provider"}):
        bindings = Bindings(source.code)
        version = bindings.version() or version
        for base, name, block in bindings.schemas():
            if base == "TerraformProvider":
                provider = block
            elif (_KINDS.get(base), name) in types:
                found[_KINDS[base]][name] = block
                listed = word_lists(source.declarations) if base == "TerraformResource" else {}
                words |= {name: listed} if listed else {}
    missing = types - {(kind, name) for kind, blocks in found.items() for name in blocks}
    if missing:
        raise ValueError(f"The provider {version} has no {', '.join(f'{kind} {name}' for kind, name in missing)}.")
    return Reading(
        schema={
            "version": version,
            "provider": provider,
            "resource_schemas": found["resource"],
            "data_source_schemas": found["data"],
        },
        words=words,
    )


@dataclass
class _Source:
    """One folder of the bindings: its code and its declarations."""

    code: str = ""
    declarations: str = ""


def _sources(wheel: Path, names: set[str]) -> Iterable[_Source]:
    """The folders of the named types; a type may have one as a resource and one as a data source."""
    short = {name.removeprefix("google_").replace("_", "-") for name in names}
    wanted = {f"{kind}{name}" for name in short for kind in ("", "google-", "data-", "data-google-")}
    sources: dict[str, _Source] = defaultdict(_Source)
    with zipfile.ZipFile(wheel) as archive:
        (package,) = (name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(package)), mode="r:gz") as files:
            for member in files:
                path = _SOURCE.fullmatch(member.name)
                content = files.extractfile(member) if path and path[1] in wanted else None
                if path is None or content is None:
                    continue
                if path[2] == "js":
                    sources[path[1]].code += content.read().decode()
                else:
                    sources[path[1]].declarations += content.read().decode()
    return sources.values()


def _lines(values: Mapping[str, Any], indent: str) -> str:
    lines = (f'{indent}  "{name}": {_line(values[name])}' for name in sorted(values))
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def main() -> None:
    """Refreshes the files from the wheel that the first argument names."""
    read = read_wheel(Path(sys.argv[1]), used_types())
    SCHEMA.write_text(read.schema_text(), encoding="utf-8")
    WORDS.write_text(read.words_text(), encoding="utf-8")
    count = len(read.schema["resource_schemas"]) + len(read.schema["data_source_schemas"])
    sys.stdout.write(f"hashicorp/google {read.schema['version']}: {count} types\n")


if __name__ == "__main__":
    main()
