"""Names of leads: what is an ECG lead, and how it is spelt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from einthoven.record.errors import DataError

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

# MDC_ECG_LEAD_V1 and so on: ISO/IEEE 11073-10101, which DICOM (context group 3001), HL7 aECG and
# PHD devices write. The reference behind a name is EDF's way to call a derivation.
_PREFIX = re.compile(r"^(?:mdc[\s_]ecg[\s_]lead|ecg|ekg|lead)[\s_\-.:]+", re.IGNORECASE)
_REFERENCE = re.compile(r"[\s_\-]+ref(?:erence)?$", re.IGNORECASE)

# The chest electrodes of IEC 60601-2-25 (AHA: V1-V6) name the leads in some files. Sites of the
# scalp are called so, too (10-10 system), so that they count as chest leads only all together.
_IEC = {f"C{i}": f"V{i}" for i in range(1, 7)}
_SCALP = re.compile(
    r"^(?:eeg\b.*|(?:fp|af|f|fc|c|cp|p|po|o)(?:z|[1-9]|10)(?:[-_ ].*)?)$", re.IGNORECASE
)

# Preferred order when one lead has to speak for a record: the limb lead II sees an upright P and
# QRS in most people, and the beat models were trained on MLII.
ONE_LEAD = ("II", "MLII", "ECG", "I", "V5", "V4", "V6", "aVF", "V2", "V3", "III")


def canonical(name: str) -> str:
    """Return the field's spelling of a lead's name (``"ecg ii" -> "II"``), or it as given."""
    text = " ".join(name.split())
    bare = _bare(text)
    return _SPELLINGS.get(bare.lower(), _SPELLINGS.get(text.lower(), text))


def _bare(text: str) -> str:
    return _REFERENCE.sub("", _PREFIX.sub("", text))


def with_chest(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, IEC's C1 to C6 as V1 to V6 where they can be nothing else.

    That is: all six are there, beside at least two limb leads, without V1 to V6 and without another
    name of a site of the scalp.
    """
    short = [_bare(" ".join(name.split())).upper() for name in names]
    known = {canonical(name) for name in names}
    rest = [name for name, s in zip(names, short, strict=True) if s not in _IEC]
    if (
        sorted(s for s in short if s in _IEC) == sorted(_IEC)
        and len(known & set(LIMBS)) >= 2
        and not known & set(_IEC.values())
        and not any(_SCALP.match(" ".join(name.split())) for name in rest)
    ):
        return tuple(_IEC.get(s, name) for s, name in zip(short, names, strict=True))
    return tuple(names)


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


def lead_rows(
    wanted: tuple[str, ...], leads: tuple[str, ...], where: str | Path = "the record"
) -> list[int]:
    """Return the rows of a recording that a network of beats eats.

    Parameters
    ----------
    wanted : ``one`` for the lead that speaks for the recording (`one_lead`), after it
        ``other`` for the first of those that do not, or names.
    leads : of the recording.
    where : its file, for what is said of it.

    Raises
    ------
    DataError : the recording has not these leads.
    """
    rows: list[int] = []
    one = one_lead(leads) if leads else -1
    for name in wanted:
        others = [row for row in range(len(leads)) if row != one]
        if name == "one" and leads:
            rows.append(one)
        elif name == "other" and rows and others:
            rows.append(others[0])
        elif canonical(name) in leads:
            rows.append(leads.index(canonical(name)))
        else:
            called = "a second lead" if name == "other" else "a lead" if name == "one" else name
            fault = f"has no lead but {', '.join(leads)}" if leads else "has no lead"
            raise DataError(
                where, f"{fault}, and the model eats {called}, too", "Use another model"
            )
    if len(set(rows)) < len(rows) or not rows:
        fault = f"has leads {', '.join(leads)}, of which {list(wanted)} are not different ones"
        raise DataError(where, fault, "Name each lead of input.leads once")
    return rows


# Leads in which the QRS points down or the P wave is flat or inverted in health: a beat model that
# learnt on MLII is not asked about them.
_ODD = frozenset({"aVR", "aVL", "III", "V1", "V2", "V3", "V3R", "V4R", "V5R", "MV1", "MV2"})


def fits_one_lead(name: str) -> bool:
    """Return whether a model made for any one lead (II, I, V5, unknown) may judge `name`."""
    return canonical(name) not in _ODD
