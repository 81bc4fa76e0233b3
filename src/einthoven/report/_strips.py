"""Which pieces of the recording the report shows on paper, and how their beats are marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from einthoven.engine.findings import Findings
from einthoven.record.leads import STANDARD, one_lead
from einthoven.report._classes import colour, letter
from einthoven.report._episodes import Episode
from einthoven.report._intervals import Intervals
from einthoven.signal._paper_waves import Band
from einthoven.signal.paper import Mark, clock
from einthoven.signal.strip_paper import svg_sheet, svg_strip

SECONDS = 7.0  # 175 mm: what stands on A4 at true scale
SHEET_SECONDS = 10.0  # of the twelve leads, four columns: 250 mm, on A4 lying on its side
MOST = 24  # strips of abnormal runs in one report
EACH = 3  # of one kind
_TRIED = 24  # stretches read to find a calm one

# With II these show atrial activity and the shape of the QRS best.
_BESIDE = ("V1", "MV1", "V5", "CM5", "V2", "MV2", "V4", "V6", "I", "aVF", "III", "VX", "VY", "VZ")


def strip_leads(leads: Sequence[str], most: int = 2) -> tuple[int, ...]:
    """Return the rows to show where not all can be: the speaking lead, then V1, V5 and so on."""
    first = one_lead(tuple(leads))
    rest = sorted(
        (k for k in range(len(leads)) if k != first),
        key=lambda k: (_BESIDE.index(leads[k]) if leads[k] in _BESIDE else len(_BESIDE), k),
    )
    return (first, *rest[: most - 1])


def when(findings: Findings, sample: float) -> str:
    """Return the time since the start, and the time of day where it is known."""
    seconds = sample / findings.rate
    since = clock(seconds, tenths=findings.seconds < 120)
    if findings.start is None:
        return since
    return f"{since} ({(findings.start + timedelta(seconds=seconds)).strftime('%H:%M:%S')})"


def marks(findings: Findings, first: int, last: int) -> list[Mark]:
    """Return the beats of samples [first, last), as `svg_strip` wants them.

    None where no answer is given: what was found in noise is not to be read as beats.
    """
    beats = findings.marks
    if not findings.usable:
        return []
    a, b = np.searchsorted(beats.samples, (first, last))
    return [
        (s - first, letter(c, u), colour(c))
        for s, c, u in zip(
            beats.samples[a:b].tolist(), beats.classes[a:b].tolist(),
            beats.uncertain[a:b].tolist(), strict=True,
        )
    ]  # fmt: skip


def bands(findings: Findings, rows: Sequence[int], first: int, last: int) -> list[Band]:
    """Return P, QRS and T of samples [first, last) in some leads, as `svg_strip` wants them.

    A boundary that cannot be told is put at the wave's peak: the band is then half a wave. What
    lies in signal too noisy to judge has a question mark.
    """
    waves = findings.wave_marks
    if waves is None or not findings.usable:
        return []
    near = np.flatnonzero((waves.peak >= first) & (waves.peak < last))
    row_of = {lead: k for k, lead in enumerate(rows)}
    good = findings.quality.good_at(waves.peak[near])
    kinds = np.where(good, waves.kind[near], np.char.add(waves.kind[near], "?"))
    return [
        (row_of[lead], kind, (a if a >= 0 else peak) - first, (b if b >= 0 else peak) - first)
        for lead, kind, a, peak, b in zip(
            waves.lead[near].tolist(), kinds.tolist(), waves.onset[near].tolist(),
            waves.peak[near].tolist(), waves.offset[near].tolist(), strict=True,
        )
        if lead in row_of
    ]  # fmt: skip


def _window(findings: Findings, first: int, last: int) -> tuple[int, int]:
    """Return SECONDS around the samples [first, last]: in the middle if they fit, else from 1 s."""
    size = round(SECONDS * findings.rate)
    if last - first <= size - 2 * findings.rate:
        begin = (first + last - size) // 2
    else:
        begin = first - round(findings.rate)
    begin = max(0, min(begin, findings.samples - size))
    return begin, min(begin + size, findings.samples)


def strip(findings: Findings, first: int, last: int, title: str, *, leads: int = 2,
          shade: bool = True) -> str:  # fmt: skip
    """Return the paper around the samples [first, last], read from the recording now."""
    source = findings.source
    assert source is not None
    begin, end = _window(findings, first, last)
    rows = strip_leads(source.leads, leads)
    margin = round(0.12 * findings.rate)
    named = marks(findings, begin, end)
    words = " ".join(label for _, label, _ in named) or "none"
    return svg_strip(
        source.read(begin, end)[list(rows)],
        findings.rate,
        [source.leads[k] for k in rows],
        marks=named,
        waves=bands(findings, rows, begin, end),
        shade=(first - begin - margin, last - begin + margin) if shade else None,
        seconds=min(SECONDS, max(2.0, findings.seconds)),
        begin=begin / findings.rate,
        title=title,
        description=f"From {when(findings, begin)}. Beats in order: {words}.",
    )


def overview(findings: Findings) -> str:
    """Return the recording's own face: a calm, good stretch, all leads."""
    source = findings.source
    assert source is not None
    seconds = SHEET_SECONDS if is_sheet(findings) else SECONDS
    begin = _calm(findings, seconds)
    end = min(begin + round(seconds * findings.rate), findings.samples)
    said = f"From {when(findings, begin)}, {(end - begin) / findings.rate:.0f} s."
    if len(source.leads) >= 6:
        order = [source.leads.index(x) for x in STANDARD if x in source.leads]
        order += [k for k in range(len(source.leads)) if k not in order]
        order = order[:12]
        leads = [source.leads[k] for k in order]
        return svg_sheet(
            source.read(begin, end)[order], findings.rate, leads,
            rhythm=one_lead(tuple(leads)), begin=begin / findings.rate,
            marks=marks(findings, begin, end), waves=bands(findings, order, begin, end),
            columns=4 if is_sheet(findings) else 2,
            seconds=seconds / 4 if is_sheet(findings) else seconds / 2,
            title="All leads", description=said,
        )  # fmt: skip
    return svg_strip(
        source.read(begin, end), findings.rate, source.leads, marks=marks(findings, begin, end),
        waves=bands(findings, range(len(source.leads)), begin, end),
        seconds=min(SECONDS, max(2.0, findings.seconds)), begin=begin / findings.rate,
        title="The recording", description=said,
    )  # fmt: skip


def is_sheet(findings: Findings) -> bool:
    """Return whether the twelve leads are there, long enough for four columns side by side."""
    source = findings.source
    return (
        source is not None and set(STANDARD) <= set(source.leads)
        and findings.seconds >= SHEET_SECONDS - 0.5
    )  # fmt: skip


def _calm(findings: Findings, seconds: float) -> int:
    """Return where a typical stretch begins: good, many beats, few of them odd or uncertain."""
    beats, quality = findings.marks, findings.quality
    size = round(seconds * findings.rate)
    last = max(0, findings.samples - size)
    starts = np.unique(np.linspace(0, last, 400).astype(np.int64))
    if not len(beats):
        good = quality.starts[quality.good]
        return min(int(good[0]), last) if len(good) else 0
    names, number = np.unique(beats.classes, return_counts=True)
    odd = (beats.classes != names[number.argmax()]) | beats.uncertain
    before_odd = np.concatenate(([0], np.cumsum(odd)))
    a, b = (np.searchsorted(beats.samples, s) for s in (starts, starts + size))
    cost = 3.0 * (before_odd[b] - before_odd[a]) + np.where(b - a < 2, 50.0, 0.0)
    for s, e, g in zip(quality.starts, quality.ends, quality.good, strict=True):
        if not g:
            cost += np.where((starts < e) & (starts + size > s), 20.0, 0.0)
    # Of the best few, the one whose baseline wanders least.
    best = np.argsort(cost, kind="stable")[:_TRIED]
    best = best[cost[best] <= cost[best[0]] + 1]
    wander = [_wander(findings, int(s), int(s) + size) for s in starts[best]]
    return int(starts[best[int(np.argmin(wander))]])


def _wander(findings: Findings, begin: int, end: int) -> float:
    """Return how far the medians of half seconds lie apart, mV, all leads summed."""
    assert findings.source is not None
    signal = findings.source.read(begin, min(end, findings.samples))
    if not np.isfinite(signal).all():
        return 1e9 + float((~np.isfinite(signal)).mean())
    parts = np.array_split(signal, max(1, int(signal.shape[1] / findings.rate * 2)), axis=1)
    medians = np.array([np.median(p, axis=1) for p in parts])
    return float(np.ptp(medians, axis=0).sum())


def choose(found: Sequence[Episode], rr: Intervals) -> list[Episode]:
    """Return the episodes to show: of each kind the certain before the uncertain, the long first.

    At most `EACH` of a kind and `MOST` in all; every kind gets its first before any its second.
    """
    kinds: dict[tuple[str, str], list[Episode]] = {}
    for episode in found:
        kinds.setdefault((episode.kind, episode.label), []).append(episode)

    def rank(e: Episode) -> tuple[bool, float, int]:
        length = float(rr.seconds[e.first]) if e.kind == "pause" else float(e.ectopic)
        return e.uncertain > 0, -length, e.first

    ranked = [sorted(group, key=rank)[:EACH] for group in kinds.values()]
    turn = [(k, g, e) for g, group in enumerate(ranked) for k, e in enumerate(group)]
    turn = sorted(turn, key=lambda t: t[:2])[:MOST]
    return [e for _, _, e in sorted(turn, key=lambda t: (t[1], t[2].first))]


def caption(rr: Intervals, episode: Episode) -> str:
    """Return what a strip shows, e.g. ``Ventricular run, 5 beats at 148 a minute``."""
    words = episode.name
    inside = rr.seconds[episode.first : episode.last]
    length = float(np.sum(inside))
    if episode.kind == "run":
        words += f", {episode.ectopic} beats at {60 / float(np.mean(inside)):.0f} a minute"
    elif episode.kind in ("bigeminy", "trigeminy"):
        words += f", {episode.ectopic} ectopic beats in {length:.0f} s"
    elif episode.kind == "pause":
        words = f"RR interval of {float(inside[0]):.2f} s"
    if length > SECONDS - 1:
        words += " (its beginning)"
    if episode.uncertain:
        words += (
            f", {episode.uncertain} of them uncertain" if episode.ectopic > 1 else ", uncertain"
        )
    return words
