"""The auditor: copies are found whatever was done to them, and different hearts are let alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from einthoven.formats import open_source
from einthoven.protocols import Examples, RecordSplit, audit, near_duplicates
from einthoven.protocols._fingerprint import fingerprint
from einthoven.protocols._leaks import fingerprints
from einthoven.record import LeakError, UsageError
from einthoven.record.leads import LIMBS, STANDARD

LEADS = ("I", "II", "V1", "V5")
Recording = tuple[np.ndarray, float, tuple[str, ...]]


def heart(seed: int, rate: float = 500.0, seconds: float = 10.0) -> Recording:
    """A QRS and a T wave of random axes at random intervals."""
    rng = np.random.default_rng(seed)
    beats = np.cumsum(rng.uniform(0.6, 1.1) * (1 + 0.08 * rng.normal(size=30))) - 0.5
    t = np.arange(round(seconds * rate)) / rate
    signal = np.zeros((4, len(t)))
    for delay, width, size in ((0, 0.02, 1), (0.04, 0.02, 0.6), (0.28, 0.06, 0.3)):
        train = np.exp(-0.5 * ((t - beats[:, None] - delay) / width) ** 2).sum(axis=0)
        signal += size * rng.normal(size=(4, 1)) * train
    return signal + 0.02 * rng.normal(size=signal.shape), rate, LEADS


def slower(x: np.ndarray) -> np.ndarray:
    """A fifth of the samples, each the mean of five."""
    return x[:, : x.shape[1] // 5 * 5].reshape(len(x), -1, 5).mean(axis=2)


COPIES: dict[str, Callable[[np.ndarray], Recording]] = {
    "the same bytes": lambda x: (x, 500.0, LEADS),
    "gain": lambda x: (0.2 * x, 500.0, LEADS),
    "another gain a lead": lambda x: (x * [[1], [2], [0.5], [3]], 500.0, LEADS),
    "100 Hz": lambda x: (slower(x), 100.0, LEADS),
    "offset": lambda x: (x + np.array([[5], [-3], [0], [1]]), 500.0, LEADS),
    "later begun": lambda x: (x[:, 731:], 500.0, LEADS),
    "cut to six seconds": lambda x: (x[:, :3000], 500.0, LEADS),
    "other order of leads": lambda x: (x[::-1], 500.0, LEADS[::-1]),
    "noise": lambda x: (
        x + 0.1 * x.std() * np.random.default_rng(0).normal(size=x.shape), 500.0, LEADS,
    ),
    "lead II alone": lambda x: (x[1:2], 500.0, ("II",)),
    "a chest lead alone": lambda x: (x[3:], 500.0, ("V5",)),
    "limb leads alone": lambda x: (x[:2], 500.0, ("I", "II")),
    "limb leads that are sums": lambda x: (
        np.stack([x[1] - x[0], x[1] - x[0] / 2]), 500.0, ("III", "aVF"),
    ),
    "lower case": lambda x: (x, 500.0, tuple(name.lower() for name in LEADS)),
    "names of ISO 11073": lambda x: (x, 500.0, tuple(f"MDC_ECG_LEAD_{n}" for n in LEADS)),
    "upside down": lambda x: (-x, 500.0, LEADS),
    "lead II alone, upside down, at 100 Hz": lambda x: (slower(-x[1:2]), 100.0, ("ii",)),
    "two samples later": lambda x: (np.roll(x, 2, axis=1), 500.0, LEADS),
    "mains": lambda x: (x + 0.2 * np.sin(np.arange(x.shape[1]) * 2 * np.pi * 0.1), 500.0, LEADS),
}  # fmt: skip


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_among_other_hearts(kind: str) -> None:
    records = [heart(seed) for seed in range(40)]
    records += [COPIES[kind](records[seed][0]) for seed in range(10)]
    found = near_duplicates(fingerprints(records.__getitem__, range(50)), records.__getitem__)
    assert {(d.one, d.two) for d in found} == {(i, 40 + i) for i in range(10)}


def test_the_lag_between_two_cuts_is_told() -> None:
    records = [heart(1), (heart(1)[0][:, 500:], 500.0, LEADS)]
    (found,) = near_duplicates(fingerprints(records.__getitem__, range(2)), records.__getitem__)
    assert found.lag == pytest.approx(-1.0, abs=0.02)
    assert found.correlation > 0.99


def test_the_same_pairs_are_found_whatever_the_order() -> None:
    records = [heart(seed % 15) for seed in range(30)]
    order = np.random.default_rng(0).permutation(30)
    shuffled = [records[i] for i in order]
    one = near_duplicates(fingerprints(records.__getitem__, range(30)), records.__getitem__)
    two = near_duplicates(fingerprints(shuffled.__getitem__, range(30)), shuffled.__getitem__)
    there = {tuple(sorted((int(order[d.one]), int(order[d.two])))) for d in two}
    assert there == {(d.one, d.two) for d in one} == {(i, i + 15) for i in range(15)}


def test_pairs_of_one_side_are_not_looked_at() -> None:
    records = [heart(0), heart(0), heart(1), heart(1)]
    prints = fingerprints(records.__getitem__, range(4))
    found = near_duplicates(prints, records.__getitem__, side=["a", "a", "a", "b"])
    assert [(d.one, d.two) for d in found] == [(2, 3)]
    with pytest.raises(UsageError, match="one a record"):
        near_duplicates(prints, records.__getitem__, side=["a"])


def test_flat_short_and_missing_signals_match_nothing() -> None:
    flat = (np.zeros((4, 5000)), 500.0, LEADS)
    gone = (np.full((4, 5000), np.nan), 500.0, LEADS)
    short = (heart(0)[0][:, :900], 500.0, LEADS)
    records = [flat, flat, gone, gone, short, short, (np.zeros((4, 0)), 500.0, LEADS)]
    prints = fingerprints(records.__getitem__, range(7))
    assert near_duplicates(prints, records.__getitem__) == ()
    assert near_duplicates([], records.__getitem__) == ()


def test_names_of_limb_leads_and_electrodes_give_the_same_prints() -> None:
    """Twelve leads, the eight that are independent, and IEC's names for the chest."""
    rng = np.random.default_rng(0)
    eight = np.concatenate([heart(0)[0], heart(1)[0]])
    sums = np.array(list(LIMBS.values())) @ eight[:2]
    twelve = fingerprint(np.concatenate([sums, eight[2:]]), 500.0, STANDARD)
    electrodes = [*STANDARD[:6], *(f"C{i}" for i in range(1, 7))]
    for signal, leads in (
        (eight, ("i", "ii", *STANDARD[6:])),
        (np.concatenate([sums, eight[2:]]), electrodes),
        (np.concatenate([sums[2:], eight[2:]]), STANDARD[2:]),
    ):
        other = fingerprint(signal * rng.uniform(0.5, 2), 500.0, leads)
        assert np.array_equal(other.lead, twelve.lead)
        assert np.allclose(other.vector, twelve.vector, atol=0.02)


@pytest.mark.parametrize("leads", [(1,), (0, 1), (7,), tuple(range(12))])
def test_different_people_of_ptbxl_are_not_taken_for_one(
    data_root: Path, leads: tuple[int, ...]
) -> None:
    """Neither where but one lead is known."""
    paths = sorted((data_root / "ptbxl" / "records100").rglob("*.hea"))[:250]
    if not paths:
        pytest.skip("no records of PTB-XL")
    signals = []
    for path in paths:
        source = open_source(path)
        signals.append(source.read(0, source.samples)[list(leads)])

    def read(row: int) -> Recording:
        return signals[row], 100.0, tuple(STANDARD[i] for i in leads)

    assert near_duplicates(fingerprints(read, range(len(paths))), read) == ()


SIDES = {name: np.arange(*ends) for name, ends in (
    ("training", (0, 10)), ("validation", (10, 12)), ("test", (12, 20)),
)}  # fmt: skip
NAMES = np.array([str(i) for i in range(20)])


def test_a_recording_on_two_sides_is_told_and_between_corpora_refused() -> None:
    records = [heart(seed) for seed in range(20)]
    one = np.full(20, "x")
    two = np.where(np.arange(20) < 15, "x", "y")
    assert audit("mine", two, NAMES, SIDES, records.__getitem__) == ()
    records[1] = records[0]  # both train: no leak
    records[18] = COPIES["100 Hz"](records[3][0])
    (told,) = audit("mine", one, NAMES, SIDES, records.__getitem__)
    assert (told.one, told.two) == (3, 18)
    with pytest.raises(LeakError, match="mine: x 3 of training is the recording y 18 of test"):
        audit("mine", two, NAMES, SIDES, records.__getitem__)


def test_what_publishers_say_is_one_is_refused_before_any_record_is_read() -> None:
    corpus = np.array(["qtdb", "mitdb"])
    with pytest.raises(LeakError, match="qtdb sel100 of pretext is the recording mitdb 100 of te"):
        audit(
            "mine", corpus, np.array(["sel100", "100"]),
            {"pretext": np.array([0]), "test": np.array([1])}, {}.__getitem__,
        )  # fmt: skip


def test_a_split_tells_its_duplicates_and_says_its_notes_once() -> None:
    data = Examples(
        classes=("A",), corpus=np.full(20, "x"), record=NAMES, subject=NAMES,
        domain=np.full(20, "x"), fold=np.full(20, -1), label=np.ones((20, 1), np.float32),
    )  # fmt: skip
    split = RecordSplit(protocol="mine", examples=data, notes=("small",), **SIDES)
    assert split.to_dict()["duplicates"] is None
    told = replace(split, duplicates=((3, 18),))
    assert told.to_dict()["duplicates"] == {"pairs": 1, "first": [["x 3", "x 18"]]}
    (note,) = set(told.notes) - set(split.notes)
    assert "two sides under two names" in note
    assert len(told.notes) == len(set(told.notes))
    assert replace(split, duplicates=()).notes == split.notes


def test_records_of_ptbxl_are_found_at_their_other_rate_and_in_the_challenge(
    data_root: Path,
) -> None:
    fast = sorted((data_root / "ptbxl" / "records500").rglob("*.hea"))[:20]
    if not fast:
        pytest.skip("no records of PTB-XL at 500 Hz")
    slow = [Path(str(p).replace("records500", "records100").replace("_hr", "_lr")) for p in fast]
    challenge = sorted((data_root / "cinc2021" / "ptb-xl").glob("HR*.hea"))
    paths = [*slow, *fast, *challenge]
    paths = [p for p in paths if p.is_file()]

    def read(row: int) -> Recording:
        source = open_source(paths[row])
        return source.read(0, source.samples), source.rate, source.leads

    number = [int("".join(filter(str.isdigit, p.stem))) for p in paths]
    true = {(i, j) for i, a in enumerate(number) for j, b in enumerate(number) if a == b and i < j}
    found = near_duplicates(fingerprints(read, range(len(paths))), read)
    assert {(d.one, d.two) for d in found} == true
    assert len(true) >= 20
