"""The parts of google.cloud.aiplatform_v1 that are asked for, without the rest.

The modules of that package and of its `types` import every service and every message of Vertex AI, of which this
project uses a tenth: most of a cold start. The services and messages themselves import only what they need. So the two
packages are put in place without running their modules, and a submodule is imported as ever. Whoever asks a package for
anything else, be it another library or a new version of the SDK's own code, makes its module run first: all is as
documented then, with the classes that were loaded before, only slower. `tests/unit/test_imports.py` would tell.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_PACKAGES = ("google.cloud.aiplatform_v1", "google.cloud.aiplatform_v1.types")


class _Package(ModuleType):
    """A package whose own module runs when more is asked of it than its submodules."""

    def __getattr__(self, name: str) -> Any:
        if self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        if not name.startswith("_") and find_spec(f"{self.__name__}.{name}") is not None:
            return import_module(f"{self.__name__}.{name}")
        self.__class__ = ModuleType  # type: ignore[assignment]  # no longer a package that waits
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def load_in_parts() -> None:
    """Put the packages in place; one that was imported before is left as it is."""
    for name in _PACKAGES:
        spec = None if name in sys.modules else find_spec(name)
        if spec is not None:
            package = module_from_spec(spec)
            package.__class__ = _Package
            sys.modules[name] = package
            parent, _, child = name.rpartition(".")
            setattr(sys.modules[parent], child, package)
