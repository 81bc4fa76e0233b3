"""Do those who have something differ from the rest by more than chance gives? Permutation tests.

One-sided. The order that was found counts among those that were drawn, so p is never 0 (Phipson,
Smyth 2010, Stat Appl Genet Mol Biol 9: 39, 10.2202/1544-6115.1585). Of several tests at once:
`holm`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError

Floats = npt.NDArray[np.float64]


def permuted(people: int, draws: int, seed: int) -> npt.NDArray[np.int64]:
    """Return (draw, person): the people in another order each time."""
    rng = np.random.default_rng(seed)
    return rng.permuted(np.tile(np.arange(people), (draws, 1)), axis=1)


def difference(
    value: Floats, has: npt.NDArray[np.bool_], orders: npt.NDArray[np.int64]
) -> tuple[float, float]:
    """Return the mean of those who have it less that of the rest, and how often chance gives that.

    p is (1 + orders with as large a difference) / (1 + orders).

    Parameters
    ----------
    value : (person,).
    has : (person,) who has it.
    orders : `permuted`.

    Raises
    ------
    UsageError : nobody has it, or everybody.
    """
    count, total = int(has.sum()), float(value.sum())
    if count in (0, len(has)):
        fault = f"{count} of {len(has)} have it: there is nothing to compare"
        raise UsageError("permutation test", fault, "Give people of both kinds")

    def gap(inside: Floats) -> Floats:
        return np.asarray(inside / count - (total - inside) / (len(has) - count), np.float64)

    real = float(gap(np.array(value[has].sum())))
    drawn = gap(value[orders[:, :count]].sum(axis=1))
    # Sums in another order differ in the last bit.
    return real, (1 + int((drawn >= real - 1e-12).sum())) / (1 + len(drawn))


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values after Holm's correction (1979, Scand J Statist 6: 65-70), in their order."""
    rank, worst, found = np.argsort(p, kind="stable"), 0.0, [0.0] * len(p)
    for k, place in enumerate(rank.tolist()):
        worst = max(worst, min(1.0, (len(p) - k) * p[place]))
        found[place] = worst
    return found
