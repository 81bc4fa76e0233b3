"""Rows of a results file whose runs lie elsewhere: kept as they were judged, each marked.

Run folders stay on the machine that made them, a results file is committed. A suite that is judged
where only some of its runs lie replaces the rows that these tell anew and loses none of the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from einthoven.suites._planned import Item, bare

K = TypeVar("K")
Row = Mapping[str, Any]
# Beside a row: that its runs were not there, and of which recipe it speaks.
KEPT, RECIPE = "kept", "recipe"


def earlier(path: Path) -> dict[str, Any]:
    """Return a results file as it is before it is written anew, ``{}`` where there is none."""
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def digests(items: Iterable[Item], runs: Path, of: Callable[[Item], K]) -> dict[K, str]:
    """Return of each recipe of a plan twelve hex digits that change when it does.

    Parameters
    ----------
    items : in the order of the plan; the first of each key speaks for its other parts and seeds.
    runs : where the run folders lie, which changes nothing.
    of : the key of a run's recipe.
    """
    found: dict[K, str] = {}
    for item in items:
        if of(item) not in found:
            text = json.dumps(bare(item.recipe).to_dict() | {"seeds": []}, sort_keys=True)
            text = text.replace(runs.as_posix(), "runs")
            found[of(item)] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return found


def rows(
    now: Sequence[Row],
    before: Sequence[Row],
    *,
    key: Callable[[Row], Any],
    seeds: Callable[[Row], int],
) -> list[Row]:
    """Return the rows of now, and those of before that none of now can replace.

    A row replaces one of the same key if it speaks of another recipe, or of as many trained models
    or more and of all that the other speaks of. Of rows that were judged before recipes stood
    beside them none is known to be another's.

    Parameters
    ----------
    now, before : rows as judged here, and as the results file has them.
    key : what two rows share that speak of the same.
    seeds : of how many trained models a row speaks.
    """
    new = {key(row): row for row in now}
    order = list(new)
    old = {key(row): row for row in before}
    for place, name in enumerate(old):
        if name not in new:
            # After the one that it followed.
            follows = list(old)[place - 1] if place else None
            order.insert(order.index(follows) + 1 if follows in order else 0, name)

    def better(name: Any) -> Row:
        if name not in old:
            return new[name]
        if name in new and _replaces(new[name], old[name], seeds):
            return new[name]
        return {**old[name], KEPT: True}

    return [better(name) for name in order]


def _replaces(new: Row, old: Row, seeds: Callable[[Row], int]) -> bool:
    if RECIPE in old and new.get(RECIPE) != old[RECIPE]:
        return True
    told = {name for name in old if old[name] is not None} - {KEPT}
    return told <= set(new) and seeds(new) >= seeds(old)


def note(names: Sequence[str]) -> list[str]:
    """Return what must be said of rows that were kept, of each its name once."""
    once = list(dict.fromkeys(names))
    if not once:
        return []
    return [f"As judged before, for their runs are not all here: {', '.join(once)}"]
