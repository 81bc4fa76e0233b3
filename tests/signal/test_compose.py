"""Composed electrocardiograms: the mask says exactly where the segments lie, rhythm by rhythm."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.record import UsageError
from einthoven.record.errors import DataError, LeakError
from einthoven.signal._compose_lay import PAD, Cast, Sheet, Wave, settle
from einthoven.signal._compose_pool import KINDS, Segment, Voice, cut
from einthoven.signal._compose_rhythm import plan
from einthoven.signal.compose import CODES, RATE, RHYTHMS, Composed, Lead, Pool, compose, composed
from einthoven.signal.simulate import Episode, Heart, simulate

SEEDS = st.integers(0, 2**32 - 1)


def _lead(subject: str = "a", rate: float = 500.0, seed: int = 3, **more: float) -> Lead:
    made = simulate(
        rate=rate, leads=("II",), seed=seed, heart=Heart.drawn(seed), disturbances=(),
        episodes=(Episode(rhythm="sinus", seconds=10, **more),),  # type: ignore[arg-type]
    )  # fmt: skip
    waves = made.waves
    return Lead(subject=subject, signal=made.clean[0], rate=rate, kinds=waves.kinds,
                onsets=waves.onsets, offsets=waves.offsets)  # fmt: skip


POOL = Pool.of([_lead(str(k), seed=k) for k in range(6)], hearts=6)


def _trace(seed: int, rhythm: str | None = None, seconds: float = 6.0) -> Composed:
    return composed(POOL, np.random.default_rng(seed), seconds, rhythm)


def _order(made: Composed) -> str:
    return "".join(kind[0] for kind, _, _ in made.waves)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, rhythm=st.sampled_from([*RHYTHMS, None]))
def test_the_mask_is_the_waves_and_no_two_of_them_overlap(seed: int, rhythm: str | None) -> None:
    made = _trace(seed, rhythm)
    again = np.zeros_like(made.mask)
    for kind, first, last in made.waves:
        assert first <= last
        again[max(first, 0) : last + 1] = CODES[kind]
    assert np.array_equal(made.mask, again)
    assert all(a[2] < b[1] for a, b in itertools.pairwise(made.waves))
    assert made.signal.shape == made.clean.shape == made.mask.shape == (1500,)
    assert (made.signal.dtype, made.mask.dtype) == (np.float32, np.uint8)
    assert np.isfinite(made.signal).all()
    assert np.abs(made.clean).max() <= 5
    assert np.abs(made.signal).max() <= 8


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, rhythm=st.sampled_from(sorted(RHYTHMS)))
def test_waves_are_as_wide_as_those_of_people_and_t_comes_after_qrs(seed: int, rhythm: str) -> None:
    made = _trace(seed, rhythm)
    for kind, first, last in made.waves:
        low, high = {"P": (4, 60), "QRS": (6, 75), "T": (4, 190)}[kind]
        assert low <= last - first + 1 <= high
    # A T wave has its own QRS before it, with at most P waves between.
    ventricles = _order(made).replace("P", "")
    assert "TT" not in ventricles


def test_without_noise_what_is_no_wave_is_nearly_flat() -> None:
    """The mask is where the segments are: all that is steep lies inside it."""
    for seed in range(12):
        made = _trace(seed, "sinus")
        steep = np.abs(np.diff(made.clean)) / np.abs(made.clean).max()
        inside = (made.mask[1:] == CODES["QRS"]) | (made.mask[:-1] == CODES["QRS"])
        assert steep[inside].max() > 4 * steep[~inside].max()


def _cast(*, merged: frozenset[str] = frozenset()) -> Cast:
    """Return humps that are zero at their ends alone, with nothing between them."""
    sizes = {"P": 22, "QRS": 24, "T": 50, "PQ": 12, "ST": 20, "TP": 60}
    parts = {
        kind: (Segment(np.sin(np.linspace(0, np.pi, n)) * (len(kind) < 2 or kind == "QRS"), 0, 0),)
        for kind, n in sizes.items()
    }
    voice = dict.fromkeys(KINDS, Voice("a", parts))
    same = dict.fromkeys(KINDS, 1.0)
    return Cast(
        usual=voice, ectopic=voice, gains=same, stretches=same, shift=0.0, odd=0.7, alike=True,
        share=0.0, breath=(0.0, 0.2, 0.0), merged=merged, wave_u=0.0,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    rhythm=st.sampled_from(sorted(set(RHYTHMS) - {"paced"})),
    merged=st.sets(st.sampled_from(["PQ", "ST", "TP"])),
)
def test_the_line_leaves_zero_where_the_mask_begins_and_comes_back_where_it_ends(
    seed: int, rhythm: str, merged: set[str]
) -> None:
    rng = np.random.default_rng(seed)
    sheet = Sheet(1500, _cast(merged=frozenset(merged)), rng)
    sheet.draw(plan(rng, 6, rhythm))
    inside = slice(PAD, PAD + 1500)
    mask = np.zeros(len(sheet.line), bool)
    for wave in sheet.waves:
        mask[wave.onset + 1 : wave.offset] = True
    line = np.abs(sheet.line[inside]) > 1e-9
    # What the atria end with is smoothed away from a join by one sample.
    wide = np.convolve(mask, np.ones(5), "same")[inside] > 0
    tails = np.zeros(len(sheet.line), bool)  # of T waves that a P wave ended
    for one, two in itertools.pairwise(sheet.waves):
        if one.kind == "T" and two.kind == "P" and two.onset == one.offset + 1:
            tails[two.onset : one.onset + 130] = True
    assert not (line & ~wide & ~tails[inside]).any()
    assert not mask[inside].any() or line[mask[inside]].mean() > 0.98


@pytest.mark.parametrize("rhythm", ["af", "flutter", "junctional"])
def test_there_is_no_p_wave_without_atria_that_contract(rhythm: str) -> None:
    for seed in range(25):
        made = _trace(seed, rhythm)
        assert not (made.mask == CODES["P"]).any()
        assert "Q" in _order(made)


def test_fibrillation_is_irregular_and_a_junction_is_not() -> None:
    def spread(rhythm: str) -> float:
        found = []
        for seed in range(20):
            at = [first for kind, first, _ in _trace(seed, rhythm, 20).waves if kind == "QRS"]
            gaps = np.diff(at)
            found.append(gaps.std() / gaps.mean())
        return float(np.median(found))

    assert spread("af") > 0.12
    assert spread("junctional") < 0.05


@pytest.mark.parametrize(("rhythm", "least"), [("av-block-2", 0.7), ("av-block-3", 0.7)])
def test_in_block_there_are_p_waves_without_qrs(rhythm: str, least: float) -> None:
    orders = [_order(_trace(seed, rhythm, 10)) for seed in range(30)]
    assert np.mean(["PP" in o or "TPT" in o or "PTP" in o for o in orders]) >= least
    total = "".join(orders)
    assert total.count("P") > 1.2 * total.count("Q")


def test_p_waves_march_through_complete_block_on_their_own_time() -> None:
    for seed in range(15):
        made = _trace(seed, "av-block-3", 12)
        atria = np.array([first for kind, first, _ in made.waves if kind == "P"])
        gaps = np.diff(atria)
        # Some P waves are hidden by QRS and T: gaps are whole numbers of the shortest.
        turns = gaps / gaps.min()
        assert np.abs(turns - np.rint(turns)).max() < 0.35
    beats = [np.diff([f for k, f, _ in _trace(s, "av-block-3", 12).waves if k == "QRS"])
             for s in range(15)]  # fmt: skip
    assert min(int(gap.min()) for gap in beats if len(gap)) > RATE


def test_a_sinus_beat_is_p_then_qrs_then_t() -> None:
    orders = "".join(_order(_trace(seed, "av-block-1", 10)) for seed in range(20))
    assert orders.count("PQT") > 0.6 * orders.count("Q")


def test_an_arrest_is_a_long_pause() -> None:
    for seed in range(20):
        made = _trace(seed, "arrest", 12)
        at = [-RATE, *(first for kind, first, _ in made.waves if kind == "QRS"), 13 * RATE]
        assert np.diff(at).max() > 1.7 * RATE


def test_ventricular_beats_are_wide_and_come_fast() -> None:
    found = []
    for seed in range(20):
        widths = [b - a for k, a, b in _trace(seed, "vt").waves if k == "QRS"]
        found.append(max(widths) / RATE)
    assert np.median(found) > 0.12


def test_silence_has_no_wave() -> None:
    made = _trace(0, "silence")
    assert not made.mask.any()
    assert not made.clean.any()
    assert made.signal.any()


def test_one_seed_gives_the_same_bits_and_another_another_trace() -> None:
    one, two, other = (compose(POOL, np.random.default_rng(s), 4) for s in (7, 7, 8))
    assert one[0].tobytes() == two[0].tobytes()
    assert one[1].tobytes() == two[1].tobytes()
    assert one[0].tobytes() != other[0].tobytes()
    # and one rng goes on
    rng = np.random.default_rng(7)
    assert compose(POOL, rng, 4)[0].tobytes() != compose(POOL, rng, 4)[0].tobytes()


def test_rhythms_come_by_their_chances() -> None:
    rng = np.random.default_rng(0)
    names = [composed(POOL, rng, 1).rhythm for _ in range(600)]
    total = sum(chance for chance, _ in RHYTHMS.values())
    for name, (chance, _) in RHYTHMS.items():
        assert abs(names.count(name) / 600 - chance / total) < 0.06
    assert set(names) == set(RHYTHMS)


def test_subjects_to_be_tested_on_are_refused() -> None:
    with pytest.raises(LeakError, match="subject b"):
        Pool.of([_lead("a"), _lead("b")], sealed={"b"}, hearts=0)
    assert {v.subject for v in Pool.of([_lead("a")], sealed={"b"}, hearts=0).voices} == {"a"}


def test_a_pool_needs_all_three_waves() -> None:
    lead = _lead()
    keep = lead.kinds != "P"
    short = Lead(subject="a", signal=lead.signal, rate=lead.rate, kinds=lead.kinds[keep],
                 onsets=lead.onsets[keep], offsets=lead.offsets[keep])  # fmt: skip
    with pytest.raises(DataError, match="no P"):
        Pool.of([short], hearts=0)
    assert composed(Pool.of([], hearts=4), np.random.default_rng(0), 2, "sinus").waves
    with pytest.raises(UsageError, match="differ in length"):
        cut(Lead(subject="a", signal=lead.signal, rate=500.0, kinds=lead.kinds,
                 onsets=lead.onsets[1:], offsets=lead.offsets))  # fmt: skip


def test_segments_keep_their_length_in_seconds_and_their_height() -> None:
    lead = _lead(rate=500.0)
    (voice,) = cut(lead)
    widths = (lead.offsets - lead.onsets)[lead.kinds == "T"] / 500
    mine = [(len(one.bend) - 1) / RATE for one in voice.segments["T"]]
    assert np.median(mine) == pytest.approx(np.median(widths), abs=0.005)
    tall = max(np.ptp(one.bend) for one in voice.segments["QRS"])
    assert tall == pytest.approx(np.ptp(lead.signal), rel=0.25)
    assert all(abs(one.bend[0]) < 1e-9 and abs(one.bend[-1]) < 1e-9
               for some in voice.segments.values() for one in some)  # fmt: skip


def test_a_boundary_that_is_missing_takes_its_wave_out_and_no_more() -> None:
    lead = _lead()
    onsets = lead.onsets.copy()
    onsets[3] = -1
    holed = Lead(subject="a", signal=lead.signal, rate=lead.rate, kinds=lead.kinds,
                 onsets=onsets, offsets=lead.offsets)  # fmt: skip
    kind = str(lead.kinds[3])
    (whole,), (less,) = cut(lead), cut(holed)
    assert len(less.segments[kind]) == len(whole.segments[kind]) - 1


def test_wide_beats_without_p_are_kept_apart() -> None:
    voices = cut(_lead(seed=5, ventricular=0.4))
    assert [voice.ventricular for voice in voices] == [False, True]
    usual, wide = (np.median([len(s.bend) for s in v.segments["QRS"]]) for v in voices)
    assert wide > 1.3 * usual


@pytest.mark.parametrize(
    ("p", "seen", "t_end"),
    [
        ((10, 30), (10, 30), 179),  # free
        ((40, 60), (40, 49), 179),  # half of it under the QRS, see below
        ((85, 105), (85, 99), 179),  # runs into the rise of the T wave
        ((160, 190), (160, 190), 159),  # on the fall of the T wave, and ends it
        ((110, 130), None, 179),  # under its rise
        ((55, 65), None, 179),  # under the QRS
    ],
)
def test_where_waves_meet(p: tuple[int, int], seen: tuple[int, int] | None, t_end: int) -> None:
    qrs, t = Wave("QRS", 50, 80), Wave("T", 100, 179, 150)
    wave = Wave("P", *p)
    settle([qrs, t, wave])
    if p == (40, 60):
        assert wave.hidden
        assert wave.summit == -1  # half a P wave that nobody marks must not be drawn
        return
    assert t.offset == t_end
    assert wave.hidden == (seen is None)
    if seen:
        assert (wave.onset, wave.offset) == seen
    else:
        assert wave.summit != -1  # wholly covered: it may be drawn


@pytest.mark.parametrize("seconds", [0, 0.5, 61])
def test_a_length_out_of_range_is_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match=r"compose\.seconds"):
        compose(POOL, np.random.default_rng(0), seconds)


def test_an_unknown_rhythm_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean sinus"):
        _trace(0, "sinsu")
