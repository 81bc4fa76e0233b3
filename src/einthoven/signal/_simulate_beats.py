"""What one simulated beat looks like: waves as Gaussians of a heart vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError, nearest
from einthoven.record.leads import canonical

Array = npt.NDArray[np.float64]

P, QRS, T, SPIKE = 0, 1, 2, 3
WAVES = ("P", "QRS", "T")
# The tangent at the steepest point of a Gaussian meets the baseline two sigma from its centre;
# that is where the tangent method, and about where a reader, puts the end of a wave.
TANGENT = 2.0

# Leads from the heart vector (x to the left, y to the feet, z to the back): Dower, Machado,
# Osborne 1980 (10.1002/clc.4960030202). Limb leads follow from I and II by Einthoven's law.
_I = (0.632, -0.235, 0.059)
_II = (0.235, 1.066, -0.132)


def _mix(a: float, b: float) -> tuple[float, float, float]:
    x, y, z = (a * i + b * j for i, j in zip(_I, _II, strict=True))
    return x, y, z


LEADS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "I": _I, "II": _II, "III": _mix(-1, 1), "aVR": _mix(-0.5, -0.5), "aVL": _mix(1, -0.5),
        "aVF": _mix(-0.5, 1), "V1": (-0.515, 0.157, -0.917), "V2": (0.044, 0.164, -1.387),
        "V3": (0.882, 0.098, -1.277), "V4": (1.213, 0.127, -0.601), "V5": (1.125, 0.127, -0.086),
        "V6": (0.831, 0.076, 0.230), "MLII": _II, "ECG": _II,
    }
)  # fmt: skip


def directions(leads: tuple[str, ...]) -> Array:
    """Return (lead, 3): what each lead sees of the heart vector.

    Raises
    ------
    UsageError : a lead is not known.
    """
    for lead in leads:
        if canonical(lead) not in LEADS:
            raise UsageError("simulate", f"lead {lead!r} is not known", nearest(lead, LEADS))
    return np.array([LEADS[canonical(lead)] for lead in leads])


CONDUCTIONS: Mapping[str, str] = MappingProxyType(
    {"normal": "N", "lbbb": "L", "rbbb": "R", "paced": "/"}
)


@dataclass(frozen=True, kw_only=True)
class Heart:
    """One person's heart: what stays the same from beat to beat.

    Attributes
    ----------
    conduction : ``normal``, ``lbbb``, ``rbbb`` or ``paced``: the symbol and shape of its own beats.
    heart_rate : beats a minute in sinus rhythm.
    variability : standard deviation of the RR interval by its mean, sinus rhythm.
    respiration : breaths a second, Hz.
    pr_interval : P onset to QRS onset, seconds.
    qt_scale : 1 for a QT of about 0.38 s at 60 a minute.
    qrs_width : 1 for about 85 ms in normal conduction.
    p_size, qrs_size, t_size : 1 for about 0.14, 1.1 and 0.3 mV in lead II.
    axis, t_axis : degrees by which QRS and T are turned in the frontal plane.
    ventricular : the vector of ventricular premature beats, mV (x, y, z).
    coupling : RR before a ventricular premature beat, by the RR before it.
    """

    conduction: str = "normal"
    heart_rate: float = 68.0
    variability: float = 0.035
    respiration: float = 0.24
    pr_interval: float = 0.16
    qt_scale: float = 1.0
    qrs_width: float = 1.0
    p_size: float = 1.0
    qrs_size: float = 1.0
    t_size: float = 1.0
    axis: float = 0.0
    t_axis: float = 0.0
    ventricular: tuple[float, float, float] = (0.55, 1.35, 0.45)
    coupling: float = 0.62

    def __post_init__(self) -> None:
        if self.conduction not in CONDUCTIONS:
            raise UsageError(
                "heart.conduction",
                f"{self.conduction!r} is not known",
                nearest(self.conduction, CONDUCTIONS),
            )
        if not 20 <= self.heart_rate <= 220:
            raise UsageError("heart.heart_rate", f"is {self.heart_rate}", "Give 20 to 220 a minute")

    @classmethod
    def drawn(cls, seed: int, conduction: str = "normal") -> Heart:
        """Return a person drawn by chance; the same seed is the same person."""
        rng = np.random.default_rng([seed, 17])
        # Upright in II and V5 in two of three, else with a superior axis: both are common.
        towards = (0.4, 1.0, 0.3) if rng.random() < 2 / 3 else (0.2, -1.0, 0.5)
        vector = np.asarray(towards) + rng.normal(0, 0.22, 3)
        vector *= rng.uniform(1.2, 2.0) / np.linalg.norm(vector)
        return cls(
            conduction=conduction,
            heart_rate=float(rng.uniform(56, 92)),
            variability=float(rng.uniform(0.015, 0.05)),
            respiration=float(rng.uniform(0.18, 0.3)),
            pr_interval=float(rng.uniform(0.13, 0.19)),
            qt_scale=float(rng.uniform(0.94, 1.06)),
            qrs_width=float(rng.uniform(0.9, 1.15)),
            p_size=float(rng.uniform(0.6, 1.4)),
            qrs_size=float(rng.uniform(0.75, 1.4)),
            t_size=float(rng.uniform(0.5, 1.4)),
            axis=float(rng.uniform(-30, 25)),
            t_axis=float(rng.uniform(-20, 20)),
            ventricular=(float(vector[0]), float(vector[1]), float(vector[2])),
            coupling=float(rng.uniform(0.52, 0.7)),
        )


# Rows: wave, centre s, sigma before s, sigma after s, x, y, z mV. The centre of a QRS is counted
# from the R time; that of a T wave too, at 60 beats a minute; that of a P wave from the P onset.
Row = tuple[int, float, float, float, float, float, float]

_P: tuple[Row, ...] = (
    (P, 0.044, 0.020, 0.020, 0.025, 0.085, -0.050),  # right atrium: forwards and down
    (P, 0.072, 0.020, 0.018, 0.060, 0.080, 0.045),  # left atrium: left and back
)
_T: tuple[Row, ...] = (
    (T, 0.205, 0.050, 0.045, 0.07, 0.050, -0.030),  # the ST segment's climb
    (T, 0.282, 0.045, 0.033, 0.25, 0.215, -0.140),
)
_SHAPES: Mapping[str, tuple[Row, ...]] = MappingProxyType(
    {
        "N": (
            (QRS, -0.027, 0.0065, 0.0070, -0.13, -0.06, -0.26),  # septum: q in I and V6, r in V1
            (QRS, 0.000, 0.0095, 0.0100, 1.02, 0.92, 0.55),
            (QRS, 0.027, 0.0080, 0.0090, -0.12, -0.20, 0.45),  # base: s
            *_T,
        ),
        "L": (
            (QRS, -0.026, 0.0180, 0.0160, 0.60, 0.50, 0.25),  # two humps: M in I, V5, V6
            (QRS, 0.018, 0.0170, 0.0210, 0.78, 0.64, 0.80),
            (T, 0.200, 0.050, 0.040, -0.10, -0.05, -0.10),
            (T, 0.290, 0.050, 0.036, -0.24, -0.14, -0.26),  # T against QRS
        ),
        "R": (
            (QRS, -0.027, 0.0065, 0.0070, -0.13, -0.06, -0.30),
            (QRS, 0.000, 0.0095, 0.0105, 0.98, 0.85, 0.30),
            (QRS, 0.050, 0.0160, 0.0190, -0.42, -0.16, -0.52),  # late right ventricle: R' in V1
            (T, 0.220, 0.050, 0.045, 0.06, 0.05, 0.06),
            (T, 0.300, 0.045, 0.034, 0.26, 0.18, 0.14),
        ),
        "/": (
            (SPIKE, -0.094, 0.0013, 0.0013, 0.9, 1.4, 0.5),
            (QRS, -0.035, 0.0170, 0.0160, 0.20, -0.45, 0.30),
            (QRS, 0.020, 0.0230, 0.0240, 0.45, -1.05, 0.75),
            (T, 0.290, 0.060, 0.042, -0.10, 0.38, -0.22),
        ),
    }
)
# Along the heart's own ventricular vector.
_V: tuple[tuple[int, float, float, float, float], ...] = (
    (QRS, -0.038, 0.0140, 0.0150, 0.28),
    (QRS, 0.000, 0.0220, 0.0220, 1.00),
    (QRS, 0.048, 0.0170, 0.0190, -0.30),
    (T, 0.215, 0.055, 0.050, -0.16),
    (T, 0.310, 0.052, 0.040, -0.38),
)


def _turn(rows: Array, wave: int, degrees: float) -> None:
    angle = np.deg2rad(degrees)
    mine = rows[:, 0] == wave
    x, y = rows[mine, 4].copy(), rows[mine, 5].copy()
    rows[mine, 4] = x * np.cos(angle) - y * np.sin(angle)
    rows[mine, 5] = x * np.sin(angle) + y * np.cos(angle)


def _ventricular(heart: Heart) -> Array:
    vector = np.asarray(heart.ventricular)
    return np.array([[*row[:4], *(row[4] * vector)] for row in _V])


def shape(heart: Heart, symbol: str, *, atrial: bool = True) -> Array:
    """Return (row, 7) Gaussians of a beat with that WFDB symbol in that heart.

    The columns are wave, centre, sigma before and after (seconds from the R time), x, y, z (mV).
    `atrial` is false where no P wave goes before the beat.
    """
    if symbol == "V":
        return _ventricular(heart)
    if symbol == "F":
        own = shape(replace(heart, conduction="normal"), "N", atrial=atrial)
        other = _ventricular(heart)
        own[own[:, 0] != P, 4:] *= 0.45
        other[:, 4:] *= 0.55
        return np.concatenate([own, other])
    base = CONDUCTIONS[heart.conduction] if symbol == "A" else symbol
    rows = np.array(_SHAPES[base])
    qrs = rows[:, 0] == QRS
    rows[qrs, 1:4] *= heart.qrs_width
    rows[qrs, 4:] *= heart.qrs_size
    waves_t = rows[:, 0] == T
    rows[waves_t, 1:4] *= heart.qt_scale
    rows[waves_t, 4:] *= heart.t_size
    _turn(rows, QRS, heart.axis)
    _turn(rows, T, heart.axis / 2 + heart.t_axis)
    if not atrial or base == "/":
        return rows
    first = np.array(_P)
    first[:, 4:] *= heart.p_size
    first[:, 1] += edges(rows, QRS)[0] - heart.pr_interval - (_P[0][1] - TANGENT * _P[0][2])
    if symbol == "A":
        # From elsewhere in the atria: later, narrower, and not from above.
        first[:, 1] += 0.02
        first[:, 2:4] *= 0.85
        first[:, 4:] *= (1.0, 0.45, -0.9)
    return np.concatenate([first, rows])


def edges(rows: Array, wave: int) -> tuple[float, float]:
    """Return onset and offset of a wave, seconds from the R time; NaN where there is none."""
    mine = rows[rows[:, 0] == wave]
    if not len(mine):
        return float("nan"), float("nan")
    onset = float(np.min(mine[:, 1] - TANGENT * mine[:, 2]))
    return onset, float(np.max(mine[:, 1] + TANGENT * mine[:, 3]))


def peak(rows: Array, wave: int, lead: Array) -> float:
    """Return when that wave is farthest from zero in one lead (3,), seconds from the R time."""
    mine = rows[rows[:, 0] == wave]
    if not len(mine):
        return float("nan")
    start, stop = edges(rows, wave)
    time = np.linspace(start, stop, 2001)
    away = time[:, None] - mine[:, 1]
    sigma = np.where(away < 0, mine[:, 2], mine[:, 3])
    wave_mv = np.exp(-0.5 * (away / sigma) ** 2) @ (mine[:, 4:] @ lead)
    return float(time[np.argmax(np.abs(wave_mv))])
