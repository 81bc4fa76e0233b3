"""Catalogues: a package whose plain-named modules each register what they offer."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Generic, TypeVar

from einthoven.record.errors import UsageError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries of one kind, found in the modules of one package when first asked for.

    Modules whose names begin with ``_`` are machinery and are not searched.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind, self.package = kind, package
        self._entries: dict[str, T] = {}
        self._loaded = False

    def add(self, name: str, entry: T) -> T:
        """Register `entry` under `name`; a name is given once.

        Raises
        ------
        UsageError : the name is taken.
        """
        if name in self._entries:
            raise UsageError(self.kind, f"{name!r} is registered twice", "Choose another name")
        self._entries[name] = entry
        return entry

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self.package}.{module.name}")

    def names(self) -> tuple[str, ...]:
        """Return the names of all entries, sorted."""
        self._load()
        return tuple(sorted(self._entries))

    def __getitem__(self, name: str) -> T:
        self._load()
        if name not in self._entries:
            raise UsageError(self.kind, f"{name!r} is not known", nearest(name, self._entries))
        return self._entries[name]
