"""Names of leads: what is an ECG lead, and how it is spelt."""

from __future__ import annotations

import re

STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
# The limb leads are these sums of I and II, by definition.
LIMBS = {
    "I": (1.0, 0.0), "II": (0.0, 1.0), "III": (-1.0, 1.0), "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0),
}  # fmt: skip

_SPELLINGS = {name.lower(): name for name in STANDARD} | {
    "mlii": "MLII", "mli": "MLI", "mliii": "MLIII", "ml2": "MLII", "mv1": "MV1", "mv2": "MV2",
    "ecg": "ECG", "ekg": "ECG", "d1": "I", "d2": "II", "d3": "III",
    "v7": "V7", "v8": "V8", "v9": "V9", "v3r": "V3R", "v4r": "V4R", "v5r": "V5R",
    "vx": "VX", "vy": "VY", "vz": "VZ", "cm5": "CM5", "cs12": "CS12", "cm4": "CM4", "cm2": "CM2",
    "cc5": "CC5",
}  # fmt: skip

_PREFIX = re.compile(r"^(?:ecg|ekg|lead)[\s_\-.:]+", re.IGNORECASE)

# Preferred order when one lead has to speak for a record: the limb lead II sees an upright P and
# QRS in most people, and the beat models were trained on MLII.
ONE_LEAD = ("II", "MLII", "ECG", "I", "V5", "V4", "V6", "aVF", "V2", "V3", "III")


def canonical(name: str) -> str:
    """Return the field's spelling of a lead's name (``"ecg ii" -> "II"``), or it as given."""
    text = " ".join(name.split())
    bare = _PREFIX.sub("", text)
    return _SPELLINGS.get(bare.lower(), _SPELLINGS.get(text.lower(), text))


def is_lead_name(name: str) -> bool:
    """Return whether the name alone says that a channel is an ECG lead."""
    text = " ".join(name.split())
    return bool(_PREFIX.match(text)) or canonical(text) in _SPELLINGS.values()


def one_lead(leads: tuple[str, ...]) -> int:
    """Return the index of the lead that speaks for the record: II if there, else by `ONE_LEAD`."""
    for name in ONE_LEAD:
        if name in leads:
            return leads.index(name)
    return 0


# Leads in which the QRS points down or the P wave is flat or inverted in health: a beat model that
# learnt on MLII is not asked about them.
_ODD = frozenset({"aVR", "aVL", "III", "V1", "V2", "V3", "V3R", "V4R", "V5R", "MV1", "MV2"})


def fits_one_lead(name: str) -> bool:
    """Return whether a model made for any one lead (II, I, V5, unknown) may judge `name`."""
    return canonical(name) not in _ODD
