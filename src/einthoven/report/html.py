"""The report on one recording: a single HTML file that needs no network and no script."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

import numpy as np

from einthoven._version import __version__
from einthoven.engine.findings import Findings
from einthoven.record.files import write_text
from einthoven.report._answers import diagnoses_html, rhythm_html, rhythm_keys
from einthoven.report._cards import cards_html
from einthoven.report._charts import class_chart, poincare, rate_chart, rr_histogram
from einthoven.report._classes import colour, counts, sign, spoken
from einthoven.report._episodes import Episode, episodes, name_of
from einthoven.report._intervals import Intervals, bad_spans, good_share, in_noise, intervals, trend
from einthoven.report._measurements import SWITCH, measurements_html
from einthoven.report._page import figure, key, page, table
from einthoven.report._reasons import reasons_html
from einthoven.report._strips import caption, choose, is_sheet, overview, strip, when
from einthoven.signal.paper import clock

DISCLAIMER = "Research software, not a medical device. A professional must confirm every answer."
_LISTED = 20  # rows of a list of beats or spans
_DOUBTFUL = 3  # strips of uncertain beats


def to_html(
    findings: Findings, path: str | os.PathLike[str] | None = None, *, identity: bool = False
) -> str:
    """Return the report as one HTML document, and write it to `path` if one is given.

    Nothing is loaded from elsewhere; strips are true to scale (25 mm/s, 10 mm/mV) on an A4 print at
    100 %. The size is bounded whatever the recording's length: strips are read from
    ``findings.source`` when needed and are few.

    Parameters
    ----------
    findings : what the engine found. Without its ``source`` there are no strips.
    path : file to write, replaced as a whole.
    identity : whether the patient's id, name and birth date may be shown.

    Raises
    ------
    OSError : `path` cannot be written.
    """
    title = f"ECG report: {findings.record}"
    body = _usable(findings) if findings.usable else _refused(findings)
    document = page(title, _header(findings, identity), body, _footer(findings))
    if path is not None:
        write_text(Path(path), document)
    return document


def _header(findings: Findings, identity: bool) -> str:
    start = findings.start.strftime("%Y-%m-%d %H:%M:%S") if findings.start else "not stated"
    rows = [f"File: {findings.path}", f"Start: {start}", *_patient(findings, identity)]
    words = "".join(f"{escape(row)}<br>" for row in rows)
    warnings = "".join(f"<li>{escape(w)}</li>" for w in findings.warnings)
    listed = f"<ul>{warnings}</ul>" if warnings else ""
    note = f'<div class="note" role="note"><strong>{escape(DISCLAIMER)}</strong>{listed}</div>'
    return (
        f'<p class="kind">ECG report</p><h1>{escape(findings.record)}</h1>'
        f'<p class="where">{words}</p>{note}'
    )


def _patient(findings: Findings, identity: bool) -> list[str]:
    patient = findings.source.patient if findings.source is not None else None
    if patient is None:
        return []
    facts = [
        ("age", f"{patient.age:g}" if patient.age is not None else None), ("sex", patient.sex),
    ]  # fmt: skip
    if identity:
        facts += [
            ("name", patient.name), ("id", patient.id), ("born", patient.birth_date),
        ]  # fmt: skip
    words = ", ".join(f"{name} {value}" for name, value in facts if value)
    return [f"Patient: {words}"] if words else []


def _footer(findings: Findings) -> str:
    return (
        f"<p>einthoven {escape(__version__)}, profile {escape(findings.profile)}. "
        f"{escape(DISCLAIMER)} Times are counted from the start of the recording.</p>"
    )


def _refused(findings: Findings) -> str:
    reason = findings.reason or "The reason was not stated."
    out = [
        (
            f'<p class="note refused" role="alert"><strong>No answer is given for this recording.'
            f"</strong>{escape(reason)}</p>"
        ),
        _keys(findings, None),
    ]
    if findings.source is not None and findings.samples:
        out.append(
            figure(overview(findings), "What was recorded", "25 mm/s, 10 mm/mV")
        )  # fmt: skip
    return "".join(out)


def _usable(findings: Findings) -> str:
    rr = intervals(findings)
    found = episodes(findings, rr)
    return "".join(
        (
            _keys(findings, rr),
            diagnoses_html(findings),
            rhythm_html(findings),
            _face(findings),
            _measurements(findings),
            _classes(findings),
            _over_time(findings, rr),
            _abnormal(findings, rr, found),
            reasons_html(findings),
            _rr(rr),
            _doubts(findings),
            _noise(findings),
            _models(findings),
        )
    )


def _keys(findings: Findings, rr: Intervals | None) -> str:
    beats = findings.marks
    leads = ", ".join(findings.leads[:12])
    if len(findings.leads) > 12:
        leads += f" and {len(findings.leads) - 12} more"
    out = [
        key("Duration", clock(findings.seconds), f"{findings.rate:g} samples a second"),
        key("Lead" if len(findings.leads) == 1 else "Leads", str(len(findings.leads)), leads),
    ]
    if rr is not None:
        rate = findings.intervals.get("heart_rate_bpm")
        spread = trend(findings, rr)
        middle = spread.middle[np.isfinite(spread.middle)]
        more = f"{middle.min():.0f} to {middle.max():.0f} over time" if middle.size > 1 else ""
        out.append(key("Heart rate", f"{rate:.0f}/min" if rate else "not given", more))
        out.append(rhythm_keys(findings))
        doubt = int(beats.uncertain.sum())
        out.append(key("Beats", f"{len(beats):,}", f"{doubt:,} of them uncertain"))
        table_ = counts(beats)
        # Fusion beats stand in the table below; eight figures fill two lines.
        for name in ("V", "S", "A"):
            if name in table_:
                number, doubt = table_[name]
                more = _share(number, len(beats)) + (f", {doubt:,} uncertain" if doubt else "")
                title = f"{spoken(name).capitalize()} ({name})"
                out.append(key(title, f"{number:,}", more))
        if rr.joined.any():
            k = int(np.flatnonzero(rr.joined)[rr.seconds[rr.joined].argmax()])
            out.append(key("Longest RR interval", f"{rr.seconds[k]:.2f} s",
                           f"at {when(findings, beats.samples[k])}"))  # fmt: skip
    share = good_share(findings)
    out.append(key("Good enough to judge", "not known" if share is None else f"{100 * share:.1f} %",
                   "of the recording"))  # fmt: skip
    return f'<dl class="key">{"".join(out)}</dl>'


def _share(number: int, total: int) -> str:
    if not total:
        return ""
    percent = 100 * number / total
    return f"{percent:.1f} % of beats" if percent >= 0.05 else "under 0.1 % of beats"


def _sign(name: str) -> str:
    return (
        f'<svg class="sign" viewBox="-14 -14 28 28" aria-hidden="true" width="13" height="13">'
        f'<path d="{sign(name)}" fill="{colour(name)}"/></svg>'
    )


def _classes(findings: Findings) -> str:
    beats = findings.marks
    if not len(beats):
        return "<h2>Beats by class</h2><p>No beat was found.</p>"
    rows = []
    for name, (count, doubt) in counts(beats).items():
        rows.append(
            (f"{_sign(name)}{escape(name)}", escape(spoken(name)), f"{count:,}",
             f"{100 * count / len(beats):.1f} %", f"{doubt:,}")
        )  # fmt: skip
    head = ("Class", "Meaning", "Beats>", "Share>", "Uncertain>")
    words = (
        "Signs and letters are the same throughout. A question mark behind a letter means that "
        "the beat is uncertain: in noise, or less probable than the model's threshold."
    )
    return f"<h2>Beats by class</h2>{table(words, head, rows)}"


def _face(findings: Findings) -> str:
    if findings.source is None:
        return (
            "<h2>The recording</h2><p>The samples were not kept with the findings, so no strip of "
            "ECG paper can be shown.</p>"
        )
    # The switch stands before all strips: what it hides are its later siblings.
    switch = SWITCH if findings.wave_marks is not None and len(findings.wave_marks) else ""
    drawn = figure(
        overview(findings), "A typical stretch",
        "25 mm/s, 10 mm/mV, each lead around its own median; the first pulse is 1 mV, 0.2 s",
    )  # fmt: skip
    # On paper the sheet of twelve leads lies on a page of its own, on its side.
    kind = ' class="sheet"' if is_sheet(findings) else ""
    head = f"<h2{kind}>The recording</h2>{switch}"
    return head + drawn.replace("<figure>", f"<figure{kind}>", 1)


def _measurements(findings: Findings) -> str:
    return "" if findings.measurements is None else measurements_html(findings.measurements)


def _over_time(findings: Findings, rr: Intervals) -> str:
    line = rate_chart(findings, trend(findings, rr))
    said = "line: median; band: from the 10th to the 90th percentile"
    out = figure(line, "Heart rate", said if findings.seconds >= 120 else "of each RR interval")
    out += figure(class_chart(findings), "Beat classes and quality",
                  "hollow signs: uncertain; hatched: too noisy to judge")  # fmt: skip
    return f"<h2>Over time</h2>{out}"


def _abnormal(findings: Findings, rr: Intervals, found: tuple[Episode, ...]) -> str:
    head = "<h2>Abnormal runs</h2>"
    if not found:
        if len(findings.marks) and set(findings.marks.classes.tolist()) <= {"Q"}:
            return head + "<p>No beat has a class here, so no ectopic beat can be named.</p>"
        return head + "<p>No ectopic beat and no RR interval over 2 s was found.</p>"
    groups: dict[tuple[str, str], list[Episode]] = {}
    for episode in found:
        groups.setdefault((episode.kind, episode.label), []).append(episode)
    rows = []
    for (kind, label), group in groups.items():
        doubtful = sum(e.uncertain > 0 for e in group)
        longest = _longest(rr, kind, group)
        name = (_sign(label) if label else "") + escape(name_of(kind, label))
        first = when(findings, findings.marks.samples[group[0].first])
        number = f"{len(group):,}"
        if doubtful:
            number += f"<small>{doubtful:,} uncertain</small>"
        rows.append((name, number, longest, escape(first)))
    words = (
        "A run is three or more ectopic beats in a row; in bigeminy every second beat is ectopic, "
        "in trigeminy every third, three times or more."
    )
    out = table(words, ("Kind", "Number>", "Longest>", "First at"), rows)
    if findings.source is None:
        return head + out
    shown = choose(found, rr)
    if len(shown) < len(found):
        out += (
            f'<p class="soft">{len(shown)} of {len(found):,} are shown: of each kind the certain '
            "before the uncertain, the longest first.</p>"
        )
    for episode in shown:
        a = int(findings.marks.samples[episode.first])
        b = int(findings.marks.samples[episode.last])
        words = caption(rr, episode)
        out += figure(strip(findings, a, b, words), words, f"at {when(findings, a)}")
    return head + out


def _longest(rr: Intervals, kind: str, group: list[Episode]) -> str:
    if kind == "pause":
        return f"{max(float(rr.seconds[e.first]) for e in group):.2f} s"
    return (
        f"{max(e.ectopic for e in group):,} beats"
        if kind in ("run", "bigeminy", "trigeminy")
        else ""
    )


def _rr(rr: Intervals) -> str:
    return (
        '<h2>RR intervals</h2><p class="legend"><b style="background:#1f3a5f;margin-left:0"></b>'
        "between beats that are not ectopic (N, L, R)"
        '<b style="background:#b34700"></b>with an ectopic or unclassifiable beat. '
        "Intervals across noise are left out.</p>"
        f'<div class="pair">{figure(rr_histogram(rr), "How often each length occurs")}'
        f"{figure(poincare(rr), 'Each interval against the next')}</div>"
    )


def _doubts(findings: Findings) -> str:
    beats = findings.marks
    at = np.flatnonzero(beats.uncertain)
    head = "<h2>Uncertain beats</h2>"
    if not at.size:
        return head + "<p>None.</p>"
    # Those outside noise first: there a reader can decide; of them the least probable.
    noisy = in_noise(findings, beats.samples[at])
    worst = at[np.lexsort((beats.probabilities[at], noisy))][:_LISTED]
    rows = []
    for k, hidden in sorted(zip(worst.tolist(), np.sort(noisy)[:_LISTED].tolist(), strict=True)):
        name = str(beats.classes[k])
        rows.append(
            (
                escape(when(findings, beats.samples[k])),
                f"{_sign(name)}{escape(name)} {escape(spoken(name))}",
                f"{beats.probabilities[k]:.2f}",
                "in noise" if hidden else "not sure enough",
            )
        )
    words = f"{at.size:,} of {len(beats):,} beats"
    if at.size > len(rows):
        words += (
            f"; {len(rows)} of them, in time order, least probable outside noise before the rest"
        )
    out = table(words, ("Time", "Class", "Probability>", "Why"), rows)
    if findings.source is not None:
        taken: list[int] = []
        for k in worst.tolist():
            sample = int(beats.samples[k])
            if len(taken) < _DOUBTFUL and all(abs(sample - t) > 7 * findings.rate for t in taken):
                taken.append(sample)
                words = f"Uncertain beat, {beats.classes[k]} at {beats.probabilities[k]:.2f}"
                out += figure(strip(findings, sample, sample, words), words,
                              f"at {when(findings, sample)}")  # fmt: skip
    return head + out


def _noise(findings: Findings) -> str:
    starts, ends = bad_spans(findings)
    head = "<h2>Signal quality</h2>"
    if not len(findings.quality.starts):
        return head + "<p>The quality of the signal was not judged.</p>"
    if not len(starts):
        return head + "<p>All of the recording was good enough to judge.</p>"
    order = np.sort(np.argsort(starts - ends, kind="stable")[:_LISTED])
    rows = [
        (escape(when(findings, starts[k])), escape(when(findings, ends[k])),
         f"{(ends[k] - starts[k]) / findings.rate:,.0f} s")
        for k in order.tolist()
    ]  # fmt: skip
    total = float((ends - starts).sum() / findings.rate)
    words = f"{len(starts):,} stretches too noisy to judge, {clock(total)} in all"
    if len(rows) < len(starts):
        words += f"; the {len(rows)} longest, in time order"
    return head + table(words, ("From", "To", "Length>"), rows)


def _models(findings: Findings) -> str:
    words = (
        '<p class="soft">Figures were measured on other people\'s recordings under the protocol '
        "named; on this recording they may be better or worse. Small print: 95 % intervals.</p>"
    )
    return f"<h2>The models that answered</h2>{words}{cards_html(findings.models)}"
