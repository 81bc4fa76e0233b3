"""The measurements of a recording in the report: tables, normal ranges, the median beats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from einthoven.report._page import figure, table
from einthoven.signal._amplitudes import LEAD_KEYS
from einthoven.signal._value import Value
from einthoven.signal.beat_paper import svg_beats
from einthoven.signal.hrv import KEYS as HRV_KEYS
from einthoven.signal.intervals import KEYS, Measurements

HONEST = (
    "Measured by software on this recording, which is no diagnosis. The ranges are of healthy "
    "adults at rest: healthy people lie outside them, ill people within, and age, sex, medicines "
    "and the lead system move them. Of the four formulas of QTc Bazett's depends most on the "
    "heart rate."
)
SWITCH = (
    '<input type="checkbox" id="show-waves" class="switch" checked>'
    '<label class="switch" for="show-waves">Mark P, QRS and T</label>'
)


@dataclass(frozen=True, kw_only=True)
class Range:
    """What is usual in healthy adults: in words, in numbers (None: no limit), and who says so."""

    words: str
    low: float | None = None
    high: float | None = None
    source: str


_SURAWICZ = "Surawicz et al. 2009, AHA/ACCF/HRS (10.1161/CIRCULATIONAHA.108.191095)"
_LUO = "98th percentile of 10,303 normal ECGs: Luo et al. 2004, J Electrocardiol 37 Suppl:81"
RANGES: Mapping[str, Range] = {
    "heart_rate_bpm": Range(
        words="60 to 100", low=60, high=100, source="resting adults, American Heart Association"
    ),
    "p_ms": Range(
        words="under 120", high=120,
        source="Bayés de Luna et al. 2012, consensus (10.1016/j.jelectrocard.2012.06.029)",
    ),
    "pr_ms": Range(
        words="120 to 200", low=120, high=200,
        source="Surawicz et al. 2009 for the lower limit; Kusumoto et al. 2018, ACC/AHA/HRS "
        "(10.1161/CIR.0000000000000628) for the upper",
    ),
    "qrs_ms": Range(words="up to 110", high=110, source=_SURAWICZ),
    "qtc_bazett_ms": Range(words="up to 483", high=483, source=_LUO),
    "qtc_fridericia_ms": Range(words="up to 460", high=460, source=_LUO),
    "qtc_framingham_ms": Range(words="up to 457", high=457, source=_LUO),
    "qtc_hodges_ms": Range(words="up to 457", high=457, source=_LUO),
    "axis_p_deg": Range(
        words="0 to 75", low=0, high=75, source="custom of textbooks; no guideline names limits"
    ),
    "axis_qrs_deg": Range(words="−30 to 90", low=-30, high=90, source=_SURAWICZ),
}  # fmt: skip
_NAMES = {
    "heart_rate_bpm": ("Heart rate", "/min"), "p_ms": ("P duration", "ms"),
    "pr_ms": ("PR interval", "ms"), "qrs_ms": ("QRS duration", "ms"),
    "t_ms": ("T duration", "ms"), "qt_ms": ("QT interval", "ms"),
    "qtc_bazett_ms": ("QTc, Bazett", "ms"), "qtc_fridericia_ms": ("QTc, Fridericia", "ms"),
    "qtc_framingham_ms": ("QTc, Framingham", "ms"), "qtc_hodges_ms": ("QTc, Hodges", "ms"),
    "axis_p_deg": ("P axis", "°"), "axis_qrs_deg": ("QRS axis", "°"),
    "axis_t_deg": ("T axis", "°"),
}  # fmt: skip
_LEAD_NAMES = {
    "p_mv": "P",
    "q_mv": "Q",
    "r_mv": "R",
    "s_mv": "S",
    "r2_mv": "R′",
    "st_j60_mv": "ST",
    "t_mv": "T",
}
# Name, unit, decimals.
_HRV_NAMES = {
    "mean_nn_ms": ("Mean NN", "ms", 0), "sdnn_ms": ("SDNN", "ms", 1),
    "rmssd_ms": ("RMSSD", "ms", 1), "nn50": ("NN50", "", 0), "pnn50": ("pNN50", "%", 1),
    "sdann_ms": ("SDANN", "ms", 1), "triangular_index": ("Triangular index", "", 1),
    "vlf_ms2": ("VLF, 0.003 to 0.04 Hz", "ms²", 0), "lf_ms2": ("LF, 0.04 to 0.15 Hz", "ms²", 0),
    "hf_ms2": ("HF, 0.15 to 0.40 Hz", "ms²", 0), "lf_hf": ("LF/HF", "", 2),
    "lf_nu": ("LF of LF + HF", "%", 0), "sd1_ms": ("SD1", "ms", 1), "sd2_ms": ("SD2", "ms", 1),
    "sample_entropy": ("Sample entropy", "", 2),
}  # fmt: skip


def measurements_html(said: Measurements) -> str:
    """Return the section: the table with its ranges, the median beats, the leads, variability."""
    out = f"<h2>Measurements</h2>{_table(said)}"
    out += _missing(said.values, {key: name for key, (name, _) in _NAMES.items()})
    out += f'<p class="soft">{escape(HONEST)}</p>'
    out += "".join(f"<p>{escape(note)}.</p>" for note in said.notes)
    if said.beats is not None:
        number = len(said.beats.beats)
        words = f"Median of {number} beats of the commonest class, aligned on R."
        picture = svg_beats(said.beats, said.names, "The median beat of every lead", words)
        out += figure(
            picture, "The median beat of every lead",
            f"25 mm/s, 10 mm/mV, of {number} beats; bands: P, QRS and T of that lead, in this "
            "order; broken lines: where PR, QRS and QT of all leads together are read",
        )  # fmt: skip
        out += _leads(said)
    return out + _variability(said.hrv) + _sources(said)


def _table(said: Measurements) -> str:
    rows = []
    for key in KEYS:
        value, (name, unit) = said.values[key], _NAMES[key]
        if value.value is None:
            continue
        normal = RANGES.get(key)
        spread = "" if value.spread is None else f"{value.spread:.0f}"
        doubt = said.qtc_doubtful and key.startswith("qtc_")
        word = _small("at this rate unreliable") if doubt else _verdict(key, value)
        shown = f"{_number(value.value)} {unit}".replace(" °", "°") + word
        words = escape(normal.words) if normal else "–"
        rows.append((escape(name), shown, spread, f"{value.count:,}", words))
    if not rows:
        return ""
    words = (
        "Medians over the sound beats of the commonest class, each measured on all leads "
        "together; the heart rate is of all sound beats. The spread lies between the "
        "quartiles. A value outside the range says so."
    )
    head = ("Measurement", "Value>", "Spread>", "Beats>", "Healthy adults")
    return table(words, head, rows)


def _number(value: float) -> str:
    return f"{value:.0f}".replace("-", "−") if round(value) else "0"


def _verdict(key: str, value: Value) -> str:
    """Return in words on which side a value lies outside its range; nothing inside."""
    normal = RANGES.get(key)
    if normal is None or value.value is None:
        return ""
    shown = round(value.value)
    if normal.low is not None and shown < normal.low:
        return _small("below")
    above = normal.high is not None and (
        shown >= normal.high if normal.words.startswith("under") else shown > normal.high
    )
    return _small("above") if above else ""


def _small(word: str) -> str:
    return f"<small><strong>{word}</strong></small>"


def _missing(values: Mapping[str, Value], names: Mapping[str, str]) -> str:
    """Return what is not given, and why, a line a reason."""
    why: dict[str, list[str]] = {}
    for key, name in names.items():
        reason = values[key].reason
        if reason is not None:
            why.setdefault(reason, []).append(name)
    rows = [f"<li>{escape(', '.join(keys))}: {escape(reason)}.</li>"
            for reason, keys in why.items()]  # fmt: skip
    return f'<p class="soft">Not given:</p><ul class="soft">{"".join(rows)}</ul>' if rows else ""


def _leads(said: Measurements) -> str:
    rows: list[tuple[str, ...]] = []
    why: dict[str, list[str]] = {}
    seconds = any(row["r2_mv"].value is not None for row in said.leads.values())
    keys = [key for key in LEAD_KEYS if seconds or key != "r2_mv"]
    for name, row in said.leads.items():
        cells = [_millivolt(row[key]) for key in keys]
        if any(cells):
            rows.append((escape(name), *(cell or "–" for cell in cells)))
        else:
            why.setdefault(str(next(iter(row.values())).reason), []).append(name)
    out = ""
    if rows:
        words = (
            "Amplitudes in mV: P from the line between its ends, the others from the level before "
            "the QRS; waves under 0.02 mV are left out; ST is the level 60 ms after the QRS. "
            "For new ST elevation guidelines ask 0.1 mV, in V2 and V3 0.15 (women) to 0.25 mV "
            "(men under 40), and 0.05 mV for depression, at the end of the QRS and in two "
            "neighbouring leads (Thygesen et al. 2018, 10.1161/CIR.0000000000000617)."
        )
        head = ("Lead", *(f"{_LEAD_NAMES[key]}>" for key in keys))
        out = f'<div class="many">{table(words, head, rows)}</div>'
    lines = "".join(f"<li>Amplitudes of {escape(', '.join(names))} are not given: "
                    f"{escape(reason)}.</li>" for reason, names in why.items())  # fmt: skip
    return out + (f'<ul class="soft">{lines}</ul>' if lines else "")


def _millivolt(value: Value) -> str:
    if value.value is None:
        return ""
    text = f"{value.value:.2f}"
    return ("0.00" if text == "-0.00" else text).replace("-", "−")


def _variability(values: Mapping[str, Value]) -> str:
    rows = []
    for key in HRV_KEYS:
        value, (name, unit, decimals) = values[key].value, _HRV_NAMES[key]
        if value is not None:
            shown = 100 * value if key == "pnn50" else value
            rows.append((escape(name), f"{shown:,.{decimals}f} {unit}".strip(),
                         f"{values[key].count:,}"))  # fmt: skip
    head = "<h3>Heart rate variability</h3>"
    if rows:
        words = (
            "From intervals between neighbouring sound beats that are both normal. There is no "
            "general range: the figures depend on age, on the hour and on the length of the "
            "recording, and compare only with like recordings."
        )
        head += table(words, ("Figure", "Value>", "Intervals>"), rows)
    elif len({value.reason for value in values.values()}) == 1:
        return f'{head}<p class="soft">Not given: {escape(str(values["sdnn_ms"].reason))}.</p>'
    return head + _missing(values, {key: _HRV_NAMES[key][0] for key in HRV_KEYS})


def _sources(said: Measurements) -> str:
    """Return who says what is usual, of the ranges that are shown."""
    by: dict[str, list[str]] = {}
    for key, normal in RANGES.items():
        if said.values[key].value is not None:
            by.setdefault(normal.source, []).append(_NAMES[key][0])
    words = "; ".join(f"{', '.join(names)}: {source}" for source, names in by.items())
    return f'<p class="soft">Ranges of healthy adults. {escape(words)}.</p>' if words else ""
