"""Floor 6. Windows cut once, corpus x InputSpec, memory-mapped."""

from einthoven.store._folder import cache_root
from einthoven.store.records import RecordStore, open_records
from einthoven.store.store import Store, open_store

__all__ = ["RecordStore", "Store", "cache_root", "open_records", "open_store"]
