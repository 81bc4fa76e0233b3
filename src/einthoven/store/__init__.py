"""Floor 6. Windows cut once, corpus x InputSpec, memory-mapped."""

from einthoven.store._folder import Columns, cache_root
from einthoven.store.records import RecordStore, open_records
from einthoven.store.store import Store, open_store

KINDS = ("beat", "strip", "tokens", "median-beat")  # of windows that a store holds

__all__ = ["KINDS", "Columns", "RecordStore", "Store", "cache_root", "open_records", "open_store"]
