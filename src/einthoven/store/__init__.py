"""Floor 6. Windows cut once, corpus x InputSpec, memory-mapped."""

from einthoven.store.store import Store, cache_root, open_store

__all__ = ["Store", "cache_root", "open_store"]
