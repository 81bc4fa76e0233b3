"""One map of symbols to classes, with the published counts as its witness."""

from __future__ import annotations

import numpy as np
import pytest

from einthoven.record.vocabulary import AAMI, BEATS, MAPS, NLRAV, is_beat, translate

DE_CHAZAL = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}


@pytest.mark.parametrize("group", AAMI)
def test_the_aami_groups_are_de_chazals(group: str) -> None:
    symbols = np.array(list(DE_CHAZAL[group]))
    assert set(translate(symbols, "aami")) == {group}


def test_bxb_puts_escape_beats_into_s_and_changes_nothing_else() -> None:
    moved = {s for s in BEATS if MAPS["aami"][s] != MAPS["aami-bxb"][s]}
    assert moved == {"e", "j"}
    assert {MAPS["aami-bxb"][s] for s in moved} == {"S"}


def test_every_beat_symbol_has_an_aami_group_and_nothing_else_has() -> None:
    assert set(MAPS["aami"]) == BEATS


def test_nlrav_keeps_five_symbols() -> None:
    assert tuple(translate(np.array(list("NLRAV")), "nlrav")) == NLRAV
    assert set(translate(np.array(list("aJSejE/fQF+")), "nlrav")) == {""}


def test_marks_that_are_no_beats() -> None:
    assert not is_beat(np.array(list('+~|x[!]"'))).any()
