"""A corpus in one table and one picture: records, people, labels, and what the signals are like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from einthoven.corpora import RecordSurvey, copies, label_counts
from einthoven.report._charts import ACCENT, BAD, BAND, FAINT, MUTED, WIDTH, frame, text

_SHOWN = 10  # values of one kind in the table; the rest are added up
_STEPS = (1, 2, 5, 10, 30, 60, 300, 600, 3600, 36000)  # seconds of a bar
_RARE = 20  # records below which a class is too rare to be judged, and is drawn pale


@dataclass(frozen=True, kw_only=True)
class CorpusSummary:
    """What is in a corpus, as far as it is here.

    Attributes
    ----------
    subjects : how many; None where the publisher does not say who was recorded.
    rates : Hz -> records.
    lengths : seconds, of each record.
    values : sex, device, .. -> value -> records; the most frequent first.
    ages : years, of the records that give one; ``>89`` counts as 90.
    beats : AAMI class -> beats; empty where none are marked.
    labels : label set -> class -> (records that have it, records of which it is known).
    looked : records whose signal was looked at; the rest of the fields are about these.
    windows, good : windows of signal, and those of them in which beats can be judged.
    unusable : records with no such window.
    flat : record -> its flat leads.
    swapped : records whose arm electrodes seem to be exchanged; None where no record can tell.
    copies : groups of records with the same samples.
    near : pairs of records that hold one recording, filtered or cut otherwise; None where that was
        not looked for.
    """

    records: int
    subjects: int | None
    hours: float
    rates: dict[str, int]
    lengths: tuple[float, ...]
    values: dict[str, dict[str, int]]
    ages: tuple[float, ...]
    beats: dict[str, int]
    labels: Mapping[str, Mapping[str, tuple[int, int]]]
    looked: int
    windows: int
    good: int
    unusable: tuple[str, ...]
    flat: dict[str, tuple[str, ...]]
    swapped: tuple[str, ...] | None
    copies: tuple[tuple[str, ...], ...]
    near: tuple[tuple[str, str], ...] | None


def summarise(
    corpus: str, rows: Sequence[RecordSurvey], near: tuple[tuple[str, str], ...] | None = None
) -> CorpusSummary:
    """Return the summary of a survey of that corpus; there is at least one record."""
    seconds = np.array([row.seconds for row in rows])
    looked = [(row.record, row.quality) for row in rows if row.quality is not None]
    people = {row.subject for row in rows}
    beats = Counter[str]()
    for row in rows:
        beats.update(row.classes)
    values = {}
    for key in ("sex", "device", "site", "fold"):
        found = Counter(row.metadata[key] for row in rows if key in row.metadata)
        if found:
            values[key] = dict(found.most_common())
    return CorpusSummary(
        records=len(rows),
        subjects=None if all(":record:" in person for person in people) else len(people),
        hours=float(seconds.sum()) / 3600,
        rates={f"{rate:g}": n for rate, n in Counter(row.rate for row in rows).most_common()},
        lengths=tuple(seconds.tolist()),
        values=values,
        ages=tuple(age for row in rows if (age := _years(row.metadata.get("age", ""))) is not None),
        beats=dict(beats) if beats.total() else {},
        labels=label_counts(rows, corpus),
        looked=len(looked),
        windows=sum(q.windows for _, q in looked),
        good=sum(q.good for _, q in looked),
        unusable=tuple(name for name, q in looked if not q.good),
        flat={name: q.flat for name, q in looked if q.flat},
        swapped=(
            tuple(name for name, q in looked if q.swapped)
            if any(q.swapped is not None for _, q in looked)
            else None
        ),
        copies=copies(rows),
        near=near,
    )


def _years(words: str) -> float | None:
    digits = words.removeprefix(">").strip()
    try:
        years = float(digits) + (1 if words.startswith(">") else 0)
    except ValueError:
        return None
    return years if 0 <= years <= 130 else None


def summary_lines(summary: CorpusSummary) -> list[str]:
    """Return the summary in words, a line each, without the labels."""
    seconds = np.array(summary.lengths)
    low, middle, high = seconds.min(), np.median(seconds), seconds.max()
    rates = ", ".join(f"{n} at {rate} Hz" for rate, n in summary.rates.items())
    said = [f"{'length:':<10} {low:.1f} to {high:.1f} s, median {middle:.1f} s; {rates}"]
    if summary.ages:
        ages = np.array(summary.ages)
        said.append(
            f"{'age:':<10} {ages.min():.0f} to {ages.max():.0f}, median {np.median(ages):.0f} "
            f"({len(ages)} known)"
        )
    for key, found in summary.values.items():
        shown = [f"{value} {n}" for value, n in list(found.items())[:_SHOWN]]
        rest = len(found) - _SHOWN
        shown += [f"{rest} more {sum(list(found.values())[_SHOWN:])}"] if rest > 0 else []
        said.append(f"{key + ':':<10} {', '.join(shown)}")
    if not summary.looked:
        return said
    said.append(
        f"{'quality:':<10} {summary.good} of {summary.windows} windows can be judged "
        f"({summary.good / max(1, summary.windows):.1%}), {summary.looked} records looked at"
    )
    flat = [f"{name} ({' '.join(leads)})" for name, leads in summary.flat.items()]
    same = ["=".join(names) for names in summary.copies]
    near = None if summary.near is None else ["=".join(pair) for pair in summary.near]
    for word, names in (
        ("unusable", summary.unusable), ("flat leads", flat),
        ("arms exchanged?", summary.swapped), ("same samples", same),
        ("same recording", near),
    ):  # fmt: skip
        if names is None:
            continue
        shown = list(names[:_SHOWN]) + ([f"{len(names) - _SHOWN} more"] * (len(names) > _SHOWN))
        said.append(f"{'':<10} {word}: {len(names)}" + (f": {', '.join(shown)}" if names else ""))
    return said


def corpus_picture(title: str, summary: CorpusSummary) -> str:
    """Return an SVG: how often each class is there, how old the people are, how long the records.

    Parameters
    ----------
    title : of the corpus.
    """
    size = min(36, 3400 // len(title))  # so that the longest title ends within the picture
    parts, y = [text(20, 50, title, size=size, weight="600")], 100
    people = "subjects not known" if summary.subjects is None else f"{summary.subjects} subjects"
    words = f"{summary.records} records, {people}, {summary.hours:.1f} h"
    if summary.looked:
        share = summary.good / max(1, summary.windows)
        words += (
            f" · {share:.1%} of the signal can be judged · {len(summary.flat)} with a flat lead, "
            f"{sum(len(g) - 1 for g in summary.copies)} copies"
        )
    if summary.swapped is not None:
        words += f", {len(summary.swapped)} with arms that may be exchanged"
    parts.append(text(20, y, words, fill=MUTED, size=26))
    y += 50
    charts = []
    if summary.beats:
        charts.append(_bars("beats", [(k, n, 0) for k, n in summary.beats.items() if n]))
    for labels in _drawn(summary.labels):
        bars = [(k, have, known) for k, (have, known) in summary.labels[labels].items() if known]
        charts.append(_bars(f"records by class, {labels}", bars))
    if summary.ages:
        charts.append(_columns("age, years", summary.ages, 10))
    low, high = min(summary.lengths), max(summary.lengths)
    if high > 1.02 * low:
        step = next((s for s in _STEPS if high / s <= 16), _STEPS[-1])
        charts.append(_columns("length, seconds", summary.lengths, step))
    for body, height in charts:
        parts.append(f'<g transform="translate(0 {y})">{body}</g>')
        y += height + 40
    return frame("corpus", WIDTH, y, title, words, "".join(parts))


def _drawn(labels: Mapping[str, Mapping[str, tuple[int, int]]]) -> list[str]:
    """Return the label sets that are drawn: the publisher's own first, then one for all corpora."""
    own = [s for s in ("ptbxl-superdiagnostic", "cinc2017") if s in labels]
    general = [s for s in ("ptbxl-rhythm", "cinc2021", "nine", "super") if s in labels]
    return (own + general)[:2]


def _bars(title: str, bars: Sequence[tuple[str, int, int]]) -> tuple[str, int]:
    """Return horizontal bars and their height: (name, count, of how many or 0)."""
    left, right, step = 330, WIDTH - 260, 46
    most = max(n for _, n, _ in bars) or 1
    out, y = [text(20, 32, title, weight="600")], 56
    for name, count, known in bars:
        length = (right - left) * count / most
        pale = known and count < _RARE
        out.append(text(left - 16, y + 30, name, anchor="end", size=26))
        out.append(
            f'<rect x="{left}" y="{y + 6}" width="{length:.1f}" height="{step - 14}" '
            f'fill="{BAND if pale else ACCENT}"><title>{escape(name)}: {count}</title></rect>'
        )
        share = f"{count:,}" + (f" ({count / known:.1%})" if known else "")
        out.append(text(left + length + 12, y + 30, share, size=24, fill=MUTED))
        y += step
    if any(known and count < _RARE for _, count, known in bars):
        out.append(text(left, y + 26, f"pale: fewer than {_RARE} records", size=22, fill=BAD))
        y += 34
    return "".join(out), y


def _columns(title: str, values: Sequence[float], step: int) -> tuple[str, int]:
    """Return a histogram in steps of `step` and its height."""
    at = np.floor(np.array(values) / step).astype(int)
    counts = np.bincount(at - at.min()).tolist()
    left, right, top, base = 60, WIDTH - 40, 60, 300
    width = min((right - left) / len(counts), 240)
    right = round(left + width * len(counts))
    out = [
        text(20, 32, title, weight="600"),
        f'<path d="M{left} {base}H{right}" stroke="{FAINT}" stroke-width="3"/>',
    ]
    for k, count in enumerate(counts):
        tall = (base - top - 30) * count / max(counts)
        x, middle = left + k * width, left + (k + 0.5) * width
        first = (k + int(at.min())) * step
        tick = f"{first}–{first + step}"
        out.append(
            f'<rect x="{x + 4:.1f}" y="{base - tall:.1f}" width="{width - 8:.1f}" '
            f'height="{tall:.1f}" fill="{ACCENT}"/>'
        )
        out.append(text(middle, base - tall - 10, f"{count:,}", size=22, anchor="middle"))
        out.append(text(middle, base + 34, tick, size=22, anchor="middle", fill=MUTED))
    return "".join(out), base + 50
