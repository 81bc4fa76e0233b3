"""Pictures: true to scale, sign kept, the strongest where it belongs, PNG the same as SVG."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from einthoven.explain import picture
from einthoven.record.attribution import Attribution, Stretch
from einthoven.record.errors import UsageError
from einthoven.record.record import Record
from einthoven.signal.tinted_paper import AGAINST, FOR, signed, svg_tinted

RATE = 250.0
TWELVE = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def record(leads: tuple[str, ...] = ("II",), seconds: float = 10.0) -> Record:
    time = np.arange(round(seconds * RATE)) / RATE
    beat = np.exp(-((((time % 1) - 0.5) / 0.02) ** 2))
    return Record(
        signal=np.tile(beat, (len(leads), 1)).astype(np.float32), rate=RATE, leads=leads, name="r"
    )


def found(**more: object) -> Attribution:
    facts = {
        "method": "shapley", "model": "m", "target": "V", "record": "r", "what": "beat 5",
        "probability": 0.9,
    } | more  # fmt: skip
    return Attribution(**facts)


def parts() -> Attribution:
    stretches = (
        Stretch(name="QRS", lead="II", onset=4.4, offset=4.6),
        Stretch(name="T", lead="II", onset=4.7, offset=4.9),
    )
    return found(numbers={"QRS": 2.0, "T": -1.0, "RR": 0.5}, stretches=stretches)


def test_named_parts_tint_their_stretch_with_sign() -> None:
    made = picture.tint(parts(), ("II",), RATE, 1000, 1250)  # 4 to 5 s
    assert made.shape == (1, 250)
    np.testing.assert_array_equal(np.flatnonzero(made[0] == 1), np.arange(100, 150))
    np.testing.assert_array_equal(np.flatnonzero(made[0] == -0.5), np.arange(175, 225))
    assert np.count_nonzero(made) == 100


def test_a_map_keeps_place_and_sign_at_its_own_rate() -> None:
    values = np.zeros((2, 100), np.float32)
    values[1, 20], values[1, 60] = 4.0, -2.0
    map_ = found(values=values, leads=("V1", "II"), start=2.0, rate=50.0)
    made = picture.tint(map_, ("II", "V5"), RATE, 0, 2500)
    assert set(np.flatnonzero(made[0] > 0)) <= set(range(598, 603))  # 2.4 s
    assert made[0].max() == 1
    assert made[0].min() == -0.5
    assert not made[1].any()


def test_scale_is_true() -> None:
    """25 mm/s: 3 s and the 10 mm of the pulse are 85 mm wide."""
    drawn = picture.trace(record(), parts())
    assert 'width="85mm"' in drawn
    width = int(re.search(r'viewBox="0 0 (\d+)', drawn)[1])
    assert width == 850


def test_both_signs_have_colour_side_and_number() -> None:
    drawn = picture.trace(record(), parts())
    profiles = re.findall(r'class="profile" d="M\d+ (\d+)h\d+v(-?\d+).*?fill="(#\w+)"', drawn)
    heights = {colour: int(tall) for _, tall, colour in profiles}
    assert heights[FOR] < 0 < heights[AGAINST]  # up on paper is less
    assert "+2.00" in drawn
    assert "\u22121.00" in drawn


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2.1, "+2.10"), (-0.3, "\u22120.30"), (31.64, "+31.6"), (-250, "\u2212250"),
        (0.0, "0"), (-0.001, "0"),
    ],
)  # fmt: skip
def test_signed(value: float, words: str) -> None:
    assert signed(value) == words


@pytest.mark.parametrize(
    ("leads", "seconds", "layout", "names"),
    [
        (("II",), 3.0, "rows", 1), (("II",), 30.0, "lines", 5),
        (TWELVE, 10.0, "sheet", 12), (TWELVE, 10.0, "rows", 12),
    ],
)  # fmt: skip
def test_layouts(leads: tuple[str, ...], seconds: float, layout: str, names: int) -> None:
    signal = record(leads, seconds).signal
    drawn = svg_tinted(signal, RATE, leads, np.ones_like(signal), layout=layout)
    root = ElementTree.fromstring(drawn)
    width, height = (int(v) for v in root.attrib["viewBox"].split()[2:])
    assert drawn.count('class="lead"') == names
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(text.attrib["x"]) <= width
        assert 0 <= float(text.attrib["y"]) <= height


def test_twelve_leads_stand_on_a_sheet_and_one_does_not() -> None:
    values = np.ones((12, 500), np.float32)
    whole = found(values=values, leads=TWELVE, rate=50.0)
    assert picture.trace(record(TWELVE), whole).count('class="lead"') == 12
    assert picture.trace(record(TWELVE), parts()).count('class="lead"') == 1


def test_bars_add_up_what_is_left_out() -> None:
    numbers = {f"n{k}": float(20 - k) for k in range(15)}
    rows = picture.ranked(numbers)
    assert len(rows) == picture.MOST
    assert rows[-1][0] == "6 others"
    assert sum(v for _, v in rows) == pytest.approx(sum(numbers.values()))


def test_neighbouring_flags_do_not_overlap() -> None:
    stretches = tuple(
        Stretch(name=f"p{k}", lead=None, onset=4 + k * 0.02, offset=4.02 + k * 0.02)
        for k in range(7)
    )
    numbers = {f"p{k}": 1.0 + k for k in range(7)}
    drawn = picture.trace(record(), found(numbers=numbers, stretches=stretches))
    at = [int(x) for x in re.findall(r'class="flag" x="(\d+)"', drawn)]
    assert min(np.diff(sorted(set(at)))) >= 90


def test_hostile_names_cannot_break_out(tmp_path: Path) -> None:
    bad = found(record='<script>"&', what="\x00b", numbers={"<b>": 1.0})
    drawn = picture.svg(record(), bad, words="<i>")
    assert "<script" not in drawn
    assert "<i>" not in drawn
    assert "<b>" not in drawn
    pytest.importorskip("matplotlib")
    picture.save(tmp_path / "p.png", drawn)


def test_nothing_to_place_still_draws_the_signal() -> None:
    drawn = picture.svg(record(), found(numbers={"RR": 1.0}))
    assert 'class="trace"' in drawn
    assert "RR" in drawn


def test_png_is_the_svg(tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    drawn = picture.svg(record(), parts(), words="mostly QRS")
    path = picture.save(tmp_path / "p.png", drawn)
    pixels = image.imread(path)
    width, height = (int(v) for v in re.search(r'viewBox="0 0 (\d+) (\d+)"', drawn).groups())
    assert pixels.shape[1] == pytest.approx(width / 254 * 200, abs=2)
    assert pixels.shape[0] == pytest.approx(height / 254 * 200, abs=2)
    wanted = np.array([int(FOR[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    near = np.abs(pixels[..., :3] - wanted).max(axis=-1) < 0.02
    assert near.sum() > 500


def test_png_without_matplotlib_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"einthoven\[plot\]"):
        picture.save(tmp_path / "p.png", picture.svg(record(), parts()))
    assert not list(tmp_path.iterdir())
