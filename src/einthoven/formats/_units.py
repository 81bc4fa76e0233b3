"""Units of voltage: every spelling to millivolts, and the flag that states a missing one."""

from __future__ import annotations

import math
import re

from einthoven.record.errors import UsageError

# Factor to mV. Spellings are compared in lower case without dots and blanks; "MV" in an ECG file
# is a sloppy "mV" (CinC 2021 writes "mv"), never megavolts.
_TO_MV = {
    **dict.fromkeys(("mv", "millivolt", "millivolts", "mvolt", "mvolts"), 1.0),
    **dict.fromkeys(("uv", "microvolt", "microvolts", "uvolt", "uvolts"), 1e-3),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-6),
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
}
_SPELT = {1.0: "mV", 1e-3: "uV", 1e-6: "nV", 1e3: "V"}
_FLAG = "Use mV, uV, V or adc:GAIN, where GAIN is how many digital units make 1 mV"


def _plain(unit: str) -> str:
    # The micro sign (U+00B5), the Greek mu (U+03BC), and what a wrong code page makes of them.
    text = re.sub(r"[\s.]", "", unit).lower()
    return text.replace("\u00b5", "u").replace("\u03bc", "u").replace("\ufffdv", "uv")


def to_mv(unit: str) -> float | None:
    """Return how many mV one `unit` is; None where it is no voltage."""
    return _TO_MV.get(_plain(unit))


def spelt(unit: str) -> str:
    """Return ``mV``, ``uV``, ``nV`` or ``V`` for any spelling of these, else `unit` as it is."""
    factor = to_mv(unit)
    return " ".join(unit.split()) if factor is None else _SPELT[factor]


def stated(flag: str) -> tuple[str, float]:
    """Return the unit and the factor to mV that ``--unit`` states.

    Returns
    -------
    ("mV", 1.0), ("uV", 0.001), ("V", 1000.0), or for ``adc:200`` ("adc", 1 / 200).

    Raises
    ------
    UsageError : where it is none of these.
    """
    if flag.lower().startswith("adc:"):
        try:
            gain = float(flag[4:])
        except ValueError:
            gain = math.nan
        if not math.isfinite(gain) or gain == 0:
            raise UsageError("--unit", f"{flag!r} gives no gain", _FLAG)
        return "adc", 1 / gain
    factor = to_mv(flag)
    if factor is None:
        raise UsageError("--unit", f"{flag!r} is not known", _FLAG)
    return _SPELT[factor], factor
