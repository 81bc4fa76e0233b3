"""Statements: what a publisher's label says of a whole record."""

from __future__ import annotations

from dataclasses import dataclass

SYSTEMS = ("SCP", "SNOMED CT", "CPSC", "AHA", "CODE", "CinC 2017")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One label of a record, as its publisher writes it.

    Attributes
    ----------
    system : whose code it is, one of `SYSTEMS`.
    code : e.g. ``IMI`` (SCP) or ``164889003`` (SNOMED CT).
    likelihood : 0..1 as the publisher gives it; 1 where none is given. PTB-XL's 0 means that the
        statement stands in the report without a likelihood, not that it is false.
    """

    system: str
    code: str
    likelihood: float = 1.0
