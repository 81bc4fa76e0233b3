"""What the table of systems says to know before comparing is so."""

from __future__ import annotations

from pathlib import Path

from einthoven.inputs import side_names
from einthoven.report._mitdb import _OURS, _THEIRS
from einthoven.report._systems import systems
from einthoven.suites import _plan
from einthoven.suites._plan import plan


def test_ours_differ_from_the_papers_as_is_said() -> None:
    """The published figure stood beside another method, and nothing said so."""
    items, _ = plan(Path("runs"), seeds=(0,))
    chosen = [i for i in items if (i.labels, i.side, i.variant) == ("aami", "inter", "")]
    plain = {i.system: i.recipe for i in chosen}
    for recipe in (plain[name] for name in _plan.FOUR):
        assert recipe.objective.name == "cross-entropy"
        assert recipe.objective.label_smoothing > 0
        assert recipe.objective.balance > 0
        assert "synthetic" not in recipe.augment
        assert side_names(recipe.input)
    theirs = [i.recipe for i in items if i.variant == _plan.METHOD]
    assert len(theirs) == len(_plan.FOUR)
    for recipe in theirs:
        assert recipe.objective.name == "focal"
        assert "synthetic" in recipe.augment
        assert side_names(recipe.input)
    caution = {entry["paper"]: entry["caution"] for entry in systems()["system"]}
    assert "by cross-entropy with label smoothing and balanced draws, without GAN" in _OURS
    assert "Trained with generated beats and focal loss" in _THEIRS
    told = caution["arXiv:2602.17701"]
    assert "our own recipe (cross-entropy with label smoothing and balanced draws)" in told
    assert "its method (rare classes from a GAN, focal loss)" in told
    assert "numbers beside the wave" in told
    ours = plain["self-onn"]
    told = caution["arXiv:2204.03768"]
    assert f"{len(side_names(ours.input))} injected numbers instead of 4" in told
    assert f"a band to {ours.input.band[1]:g} Hz" in told
    assert f"{ours.optimiser.epochs} epochs of batch {ours.optimiser.batch}" in told
    assert f"classes {' '.join(ours.corpus.classes)} instead of N S V" in told
