"""The report is one offline file, bounded, escaped, and right for every recording."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.bundle import Bundle, Card, Stage, load_model
from einthoven.corpora import open_corpus
from einthoven.engine.findings import Beats, Findings, Quality
from einthoven.record import InputSpec, Patient, Record, RecordSource
from einthoven.record.record import Signal
from einthoven.record.vocabulary import is_beat, translate
from einthoven.report._cards import cards_html
from einthoven.report._episodes import episodes
from einthoven.report._intervals import intervals, trend
from einthoven.report.html import to_html
from einthoven.report.table import summary, summary_row

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Strict(HTMLParser):
    """Fails where a tag is not closed; collects tags and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def findings_of(
    letters: str,
    *,
    rate: float = 250.0,
    leads: tuple[str, ...] = ("II",),
    rr: float = 0.8,
    bad: tuple[int, ...] = (),
    uncertain: tuple[int, ...] = (),
    start: datetime | None = None,
    name: str = "made",
) -> Findings:
    """Findings with a beat a letter, `rr` seconds apart, each drawn as a small triangle."""
    step = round(rr * rate)
    samples = step // 2 + step * np.arange(len(letters))
    size = step * len(letters) + step
    signal = np.zeros((len(leads), max(size, round(3 * rate))), np.float32)
    for s in samples:
        signal[:, s - 3 : s + 4] += np.array([0.2, 0.5, 0.8, 1.1, 0.8, 0.5, 0.2], np.float32)
    record = Record(
        signal=signal, rate=rate, leads=leads, name=name, start=start,
        patient=Patient(id="id-77", age=61, sex="F", name="Ada Example", birth_date="1964-02-03"),
    )  # fmt: skip
    source = RecordSource(record)
    source.patient = record.patient
    starts = np.arange(0, record.samples, round(10 * rate))
    good = np.ones(len(starts), bool)
    good[list(bad)] = False
    doubt = np.zeros(len(letters), bool)
    doubt[list(uncertain)] = True
    return Findings(
        record=name, path="made/of/triangles", rate=rate, leads=leads, samples=record.samples,
        start=start, usable=True, reason=None, models=(),
        marks=Beats(
            samples=samples, classes=np.array(list(letters), "<U8"),
            probabilities=np.full(len(letters), 0.97, np.float32), uncertain=doubt,
        ),
        quality=Quality(
            starts=starts, ends=np.minimum(starts + round(10 * rate), record.samples), good=good,
            scores=good.astype(np.float32),
        ),
        intervals={"heart_rate_bpm": 60 / rr} if letters else {}, warnings=(), profile="review",
        source=source,
    )  # fmt: skip


def svgs(page: str) -> list[ET.Element]:
    return [ET.fromstring(s) for s in re.findall(r"<svg.*?</svg>", page, re.S) if "xmlns" in s]


def test_the_page_is_one_file_that_fetches_and_runs_nothing() -> None:
    page = to_html(findings_of("NNNVNNVVVNNNSN" * 6))
    seen = Strict(page)
    kinds = {tag for tag, _ in seen.tags}
    assert not kinds & {"script", "iframe", "img", "object", "embed", "base", "form"}
    for _, attributes in seen.tags:
        assert "src" not in attributes
        assert not any(key.startswith("on") for key in attributes)
        assert (attributes.get("href") or "data:").startswith("data:")
    assert "url(" not in page
    assert "@import" not in page


def test_every_picture_says_what_it_shows_and_every_table_has_headers() -> None:
    page = to_html(findings_of("NNNVNNVVVNNNSN" * 6, uncertain=(3, 9), bad=(2,)))
    pictures = svgs(page)
    assert len(pictures) > 8
    for picture in pictures:
        assert picture.get("role") == "img"
        assert picture.get("aria-label")
        assert picture.find("{http://www.w3.org/2000/svg}title") is not None
    seen = Strict(page)
    tables = [t for t, _ in seen.tags].count("table")
    assert tables >= 3
    assert all("scope" in a for t, a in seen.tags if t == "th")


def test_hostile_words_of_a_file_stay_words() -> None:
    evil = "</title><script>alert('1')</script><img src=x onerror=alert(2)>\"'&"
    found = dataclasses.replace(
        findings_of("NVN" * 5), record=evil, path=evil, warnings=(evil,), leads=(evil,),
        models=({"name": evil, "sha256": evil, "task": evil},),
        marks=dataclasses.replace(
            findings_of("NVN" * 5).marks, classes=np.array(["N", evil[8:20], "N"] * 5)
        ),
    )  # fmt: skip
    for answer in (found, dataclasses.replace(found, usable=False, reason=evil)):
        kinds = {tag for tag, _ in Strict(to_html(answer)).tags}
        assert not kinds & {"script", "img"}
    assert "\x1b" not in summary(dataclasses.replace(found, record="\x1b[2J"))


def test_a_name_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    odd = "caf\udce9 \x00\x1b[2J \u202egnp.exe"
    page = to_html(dataclasses.replace(findings_of("NNV"), record=odd), tmp_path / "r.html")
    assert not set(page) & set("\udce9\x00\x1b\u202e")
    assert summary(dataclasses.replace(findings_of("NNV"), record=odd)).isascii()


def test_the_card_of_a_model_is_shown_if_it_is_the_one_that_answered(tmp_path: Path) -> None:
    spec = InputSpec(kind="beat", rate=180.0, waveform=False)
    card = Card(
        name="toy", version="1", task="beat", title="A <toy>", classes=("N", "V"),
        stages=(Stage(file="toy.onnx", sha256="00" * 32, input=spec),), profiles=("review",),
        protocol="inter-patient", figures={"DS2": {"V": {"F1": 0.93, "interval": [0.9, 0.95]}}},
        data={"mitdb": ["101", "106"]}, limits=("Adults only.",), threshold=0.7,
    )  # fmt: skip
    (tmp_path / "card.json").write_text(card.to_json(), encoding="utf-8")
    model = {
        "name": "toy", "path": str(tmp_path), "sha256": Bundle(tmp_path).sha256, "task": "beat",
    }  # fmt: skip
    words = " ".join(Strict(to_html(dataclasses.replace(findings_of("N"), models=(model,)))).words)
    for word in ("A <toy>", "inter-patient", "0.9 to 0.95", "Adults only.", "101 106"):
        assert word in words
    other = dict(model, sha256="ff" * 32)
    page = to_html(dataclasses.replace(findings_of("N"), models=(other,)))
    assert "card is not at hand" in page
    assert "Adults only" not in page


def test_names_and_birth_dates_need_to_be_asked_for() -> None:
    found = findings_of("NNNN" * 4)
    page = to_html(found)
    assert "Ada" not in page
    assert "1964" not in page
    assert "id-77" not in page
    assert "age 61" in page
    asked = to_html(found, identity=True)
    assert all(word in asked for word in ("Ada Example", "1964-02-03", "id-77"))


def test_a_recording_without_an_answer_gives_the_reason_and_no_beats() -> None:
    found = dataclasses.replace(
        findings_of(""), usable=False, reason="too noisy: 3 of 60 s can be judged"
    )
    page = to_html(found)
    assert "too noisy: 3 of 60 s can be judged" in page
    assert "No answer is given" in page
    assert "Beats by class" not in page
    assert "too noisy" in summary(found)
    beats = dataclasses.replace(findings_of("VVVV"), usable=False, reason="noise")
    assert 'class="beat"' not in to_html(beats)


@pytest.mark.parametrize("leads", [1, 2, 3, 6, 12, 15])
@pytest.mark.parametrize("letters", ["", "N", "VV", "NNVNNNVVVNNSSNNQ" * 3])
def test_any_number_of_leads_and_beats_gives_a_page(leads: int, letters: str) -> None:
    names = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6", "X", "Y",
             "Z")  # fmt: skip
    Strict(to_html(findings_of(letters, leads=names[:leads])))


@pytest.mark.parametrize("rate", [50.0, 100.0, 128.0, 360.0, 999.9])
def test_any_rate_gives_a_page(rate: float) -> None:
    found = findings_of("NNVNNVNNVNNN", rate=rate, start=datetime(2020, 1, 2, 23, 59, tzinfo=UTC))
    page = to_html(found)
    Strict(page)
    assert "Ventricular trigeminy" in page


def test_no_source_and_holes_in_the_signal_are_said() -> None:
    found = findings_of("NNVNNN" * 3)
    assert "not kept with the findings" in to_html(dataclasses.replace(found, source=None))
    assert isinstance(found.source, RecordSource)
    holed = found.source.read(0, found.samples).copy()
    holed[:, 400:2000] = np.nan
    record = Record(signal=holed, rate=250.0, leads=("II",))
    page = to_html(dataclasses.replace(found, source=RecordSource(record)))
    assert "no signal" in page
    nothing = Record(signal=np.full_like(holed, np.nan), rate=250.0, leads=("II",))
    Strict(to_html(dataclasses.replace(found, source=RecordSource(nothing))))


def test_abnormal_runs_are_named_as_in_holter_reporting() -> None:
    found = findings_of("NNVNN" + "VVN" + "NSSSSN" + "NVNVNVNN" + "NNVNNVNNVNN" + "FN")
    named = [(e.name, e.ectopic) for e in episodes(found, intervals(found))]
    assert named == [
        ("Supraventricular run", 4), ("Ventricular couplet", 2), ("Ventricular bigeminy", 3),
        ("Ventricular trigeminy", 3), ("Single ventricular ectopic beat", 1),
        ("Single fusion beat", 1),
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.text("NNNSVFQLRA", max_size=60), st.sets(st.integers(0, 4), max_size=3),
    st.sampled_from([0.4, 0.8, 2.5]),
)  # fmt: skip
def test_every_ectopic_beat_is_in_one_run_and_every_page_is_whole(
    letters: str, bad: set[int], rr: float
) -> None:
    windows = len(findings_of(letters, rr=rr).quality.starts)
    found = findings_of(letters, rr=rr, bad=tuple(k for k in bad if k < windows))
    named = [e for e in episodes(found, intervals(found)) if e.kind != "pause"]
    assert sum(e.ectopic for e in named) == sum(letter in "SVFA" for letter in letters)
    spans = sorted((e.first, e.last, e.label) for e in named)
    for label in "SVFA":
        own = [(a, b) for a, b, of in spans if of == label]
        assert all(before[1] < after[0] for before, after in pairwise(own))
    Strict(to_html(found))


def test_a_run_does_not_reach_across_noise() -> None:
    clean = findings_of("N" * 11 + "VVVV" + "N" * 20)
    assert [e.kind for e in episodes(clean, intervals(clean))] == ["run"]
    noisy = findings_of("N" * 11 + "VVVV" + "N" * 20, bad=(1,))
    assert "run" not in [e.kind for e in episodes(noisy, intervals(noisy))]


def test_the_trend_gives_the_rate_and_a_long_rr_is_a_pause() -> None:
    found = findings_of("N" * 400, rr=0.75)
    line = trend(found, intervals(found))
    assert np.allclose(line.middle[np.isfinite(line.middle)], 80, atol=0.5)
    slow = findings_of("NNNN", rr=2.4)
    assert {e.kind for e in episodes(slow, intervals(slow))} == {"pause"}


def test_the_file_is_written_as_returned(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    page = to_html(findings_of("NNVN" * 4), target)
    assert target.read_text(encoding="utf-8") == page
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert to_html(findings_of("NNVN" * 4)) == page


def test_a_day_gives_a_bounded_page_that_reads_little_of_the_signal() -> None:
    read = 0

    class Day(RecordSource):
        def read(self, start: int, stop: int) -> Signal:
            nonlocal read
            read += stop - start
            return np.zeros((1, stop - start), np.float32)

    short = findings_of("N")
    assert isinstance(short.source, RecordSource)
    source = Day(Record(signal=np.zeros((1, 10)), rate=250.0, leads=("II",)))
    source.samples = 24 * 3600 * 250
    rng = np.random.default_rng(1)
    samples = np.cumsum(rng.integers(120, 320, 97_000))
    classes = rng.choice(list("NSVFQ"), len(samples), p=[0.7, 0.1, 0.1, 0.05, 0.05])
    starts = np.arange(0, source.samples, 2500)
    good = rng.random(len(starts)) > 0.2
    found = dataclasses.replace(
        short, samples=source.samples, source=source,
        marks=Beats(
            samples=samples, classes=classes, uncertain=rng.random(len(samples)) > 0.9,
            probabilities=rng.random(len(samples)).astype(np.float32),
        ),
        quality=Quality(
            starts=starts, ends=starts + 2500, good=good, scores=good.astype(np.float32)
        ),
    )  # fmt: skip
    page = to_html(found)
    Strict(page)
    assert len(page) < 2_000_000
    assert read < 600 * 250
    assert len(svgs(page)) < 50


def test_a_real_record_shows_its_ventricular_beats(mitdb: Path) -> None:
    source = open_corpus("mitdb", mitdb.parent).open("119")
    marks = source.annotations()
    assert marks is not None
    marks = marks.where(is_beat(marks.symbols))
    n = len(marks)
    found = dataclasses.replace(
        findings_of(""), record="119", rate=source.rate, leads=source.leads,
        samples=source.samples, source=source,
        marks=Beats(
            samples=marks.samples, classes=translate(marks.symbols, "aami"),
            probabilities=np.ones(n, np.float32), uncertain=np.zeros(n, bool),
        ),
    )  # fmt: skip
    page = to_html(found)
    words = " ".join(Strict(page).words)
    assert "Ventricular bigeminy" in words
    assert "444" in words  # ventricular beats of record 119
    row = summary_row(found.to_dict())
    assert (row["beats"], row["V"], row["N"]) == (1987, 444, 1543)
    text = summary(found)
    assert "1,987" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_rows_of_the_summary_have_the_same_keys_and_survive_json() -> None:
    rows = [
        summary_row(findings_of("NNV").to_dict()),
        summary_row(dataclasses.replace(findings_of(""), usable=False, reason="flat").to_dict()),
    ]
    assert list(rows[0]) == list(rows[1])
    json.dumps(rows)


def test_figures_of_each_class_are_those_the_card_has() -> None:
    page = cards_html(
        ({"name": "twelve", "sha256": load_model("twelve").sha256, "task": "diagnosis"},)
    )
    assert ">AUROC</th>" in page
    assert ">Sensitivity</th>" not in page
    cells = re.findall(r'<td class="n">(.*?)</td>', page)
    assert cells
    assert all(cells)
