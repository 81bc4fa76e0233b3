"""Of which part of the heartbeat a side number speaks, told by its name."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

WAVES = ("P", "PR", "QRS", "ST", "T", "TP", "RR")
# What is said of the signal as a whole, e.g. how much of it is noise; it stands nowhere.
WHOLE = "signal"
SHARED = "several leads"

_BEAT = (
    (r"(pre|post)/|rr[-+]|iqr_|deciles_|skew_|change_|rank_|early(50|90)[-+]", "RR"),
    # How early beats of this shape come: what is alike by its QRS or P wave, told of its interval.
    (r"(qrs|p|both)_(early(50|90)|pre|post)$", "RR"),
    (r"qrs_|far[-+]", "QRS"),
    (r"p_|both_", "P"),
    (r"early_(like|far)/", "TP"),
    (r"t_", "T"),
)
# The samples of the usual beat, from 0.36 s before R, 0.04 s apart.
_SAMPLES = ["TP"] * 3 + ["P"] * 5 + ["QRS"] * 3 + ["ST"] + ["T"] * 8
_RHYTHM = (
    *((rf"beat_{k:02d}$", part) for k, part in enumerate(_SAMPLES)),
    (r"rr_|clean_|rate_|capped_|plane_|short_|local_|late|beats_per_second$", "RR"),
    (r"cosen$|entropy_2$|turning$|nearest$|compensated$", "RR"),
    (r"early_(pause|plain|little|twice)$", "RR"),
    (r"fit_t|t_", "T"),
    (r"st$", "ST"),
    (r"fit_p|p_", "P"),
    (r"fit_|energy_kept$|qrs_|width_|size_|early_|odd|upright|shape_", "QRS"),
    (r"rest_|ripple$|tq_", "TP"),
    (r"lead_|agree|known$|kurtosis_|spread_|rough_|quiet_|middle_|still$", WHOLE),
)
_TWELVE = (
    (r"rate$|rr_", "RR"),
    (r"noise$", WHOLE),
    (r"pr$|pr_level$|p_to_r$", "PR"),
    (r"p_", "P"),
    (r"j$|j\d|st_", "ST"),
    (r"t_|qt|qrs_t_", "T"),
    (r"", "QRS"),
)
_LEAD = re.compile(r"(I{1,3}|aV[RLF]|V[1-6]) ")
_GROUP = re.compile(r"(inferior|lateral|anterior) (.*) (mean|max)$")


def part_of(name: str, task: str) -> str:
    """Return the name of the part, of `WAVES` or `WHOLE`.

    Parameters
    ----------
    name : of the number, as the inputs of that task name it.
    task : ``beat``, ``rhythm`` or ``diagnosis``.
    """
    bare = _LEAD.sub("", name, count=1)
    group = _GROUP.match(name)
    bare = group.group(2) if group else bare
    table = {"beat": _BEAT, "rhythm": _RHYTHM, "diagnosis": _TWELVE}[task]
    return next((part for pattern, part in table if re.match(pattern, bare)), WHOLE)


def lead_of(name: str) -> str:
    """Return the lead a measurement is of, or `SHARED`."""
    found = _LEAD.match(name)
    return found.group(1) if found else SHARED


def belonging(owners: list[str], part: str) -> npt.NDArray[np.bool_]:
    """Return (number,) which of the numbers belong to a part."""
    return np.array([owner == part for owner in owners], np.bool_)
