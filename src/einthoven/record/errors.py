"""Every fault the toolkit raises.

EinthovenError
├── FormatError(ValueError)   a file is damaged, unknown, or does not say what is needed
├── UsageError(ValueError)    an argument, flag or recipe key is wrong
├── DataError(LookupError)    a corpus, model or run is not there, or is not what it should be
└── LeakError(ValueError)     a split would test on a subject it trained on
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def _short(text: str, most: int = 400) -> str:
    """Cut the middle out of what a hostile file made too long to be read."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"


class EinthovenError(Exception):
    """A fault the user can mend: ``where: fault. Mend.`` in one sentence."""

    def __init__(self, where: object, fault: str, mend: str) -> None:
        self.where, self.fault, self.mend = _short(str(where)), _short(fault), mend
        super().__init__(f"{self.where}: {self.fault.rstrip('.')}. {mend.rstrip('.')}.")

    def __reduce__(self) -> tuple[type[EinthovenError], tuple[str, str, str]]:
        """Survive the trip between worker processes."""
        return type(self), (self.where, self.fault, self.mend)


class FormatError(EinthovenError, ValueError):
    """A file is damaged, unknown, or does not state what is needed."""


class UsageError(EinthovenError, ValueError):
    """An argument, a flag or a recipe key is wrong."""


class DataError(EinthovenError, LookupError):
    """A corpus, model or run is not there, or is not what it should be."""


class LeakError(EinthovenError, ValueError):
    """A split would test on a subject that it trained on."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a mend that names the nearest of the `known` words, then all of them."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}? " if close else ""
    return f"{hint}Known: {', '.join(choices) or 'none'}"
