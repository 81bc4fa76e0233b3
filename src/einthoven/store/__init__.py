"""Floor 6. Windows cut once, corpus x InputSpec, memory-mapped."""

from einthoven.store.records import RecordStore, open_records
from einthoven.store.store import Store, cache_root, open_store

__all__ = ["RecordStore", "Store", "cache_root", "open_records", "open_store"]
