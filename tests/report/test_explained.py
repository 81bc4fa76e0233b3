"""The page of explanations: one offline file, escaped, doubt shown, nothing claimed of causes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np

from einthoven.explain._item import Fidelity
from einthoven.record import Record, RecordSource
from einthoven.record.attribution import Attribution, Stretch
from einthoven.record.explanation import Explanation
from einthoven.report.explained import Seen, page_html

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Strict(HTMLParser):
    """Fails where a tag is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def source(name: str = "r") -> RecordSource:
    time = np.arange(2500) / 250
    beat = np.exp(-((((time % 1) - 0.5) / 0.02) ** 2)).astype(np.float32)
    return RecordSource(Record(signal=beat[None], rate=250.0, leads=("II",), name=name))


def seen(method: str, doubt: str = "", record: str = "r", score: float | None = 0.2) -> Seen:
    a = Attribution(
        method=method, model="toy", target="V", record=record, what="beat 4", probability=0.98,
        numbers={"QRS": 2.0, "RR": -0.5}, doubt=doubt,
        stretches=(Stretch(name="QRS", lead="II", onset=4.4, offset=4.6),),
    )  # fmt: skip
    words = "mostly QRS of lead II; removing it lowers V from 0.98 to 0.11"
    if doubt:
        words += f". Doubtful: {doubt[:1].lower()}{doubt[1:].rstrip('.')}"
    found = Explanation(attribution=a, sentence=words, task="beat", start=1125, end=1125)
    fidelity = None if score is None else Fidelity(
        deletion=score, insertion=0.8, random_deletion=0.5, random_insertion=0.55, parts=2
    )  # fmt: skip
    return Seen(explanation=found, fidelity=fidelity, seconds=0.012)


def test_methods_stand_beside_each_other_with_their_doubts() -> None:
    page = page_html(source(), [seen("shapley"), seen("gradcam", "The map is blind.", score=0.7)])
    Strict(page)
    assert page.count('class="near"') == page.count('class="bars"') == 2
    assert page.count("<strong>Doubtful</strong>The map is blind.") == 1
    assert "passed its tests" in page
    assert "is better than chance" in page
    assert "is no better than chance" in page
    assert "because" not in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert "<script" not in page


def test_one_method_needs_no_table() -> None:
    page = page_html(source(), [seen("shapley", score=None)])
    assert "beside each other" not in page
    assert "better than chance" not in page


def test_hostile_names_stay_text() -> None:
    bad = '<img src=x onerror="1">\u202e'
    page = page_html(source(bad), [seen("shapley", doubt=bad, record=bad)], [(1125, bad, "#111")])
    Strict(page)
    assert "<img" not in page
    assert "\u202e" not in page
