"""Counterfactual: the nearest beat of another answer, found by moving the beat's code.

After Wachter, Mittelstadt, Russell, arXiv:1711.00399 (2017), in the latent space of an autoencoder
of beats, see `_beat_space`: the code is moved until the network says another class, as little as
may be. What is not in the code, the beat's own detail, stays as it is. What is shown are the
contributions from that beat to the own one (integrated gradients): what the difference is worth.

A counterfactual is plausible if the network does say another class, if the delineator finds a QRS
at R that is as wide as QRS complexes are (where it found one in the beat itself), and if it is no
farther from real beats than real beats of other people are. Where it is not, that is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Array, Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model, probabilities
from einthoven.record.attribution import Attribution

if TYPE_CHECKING:
    import torch

_WEIGHTS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # of the code's change, the heaviest first
_STEPS, _RATE = 60, 0.15
_SURE = 0.5  # logits by which the other class is to lead
_PATH = 32  # places on the way from the one beat to the other
_NARROW, _WIDE = 0.04, 0.22  # s, of a QRS
_BEATS, _BEFORE = 14, 0.1  # beats the delineator is shown; s from R within which QRS begins


@dataclass(frozen=True, kw_only=True, eq=False)
class Counterfactual:
    """A beat of another answer.

    Attributes
    ----------
    window : (lead, time) as the model eats it.
    target : the class that it is called.
    probability : of that class.
    reached : whether that is another class than the beat's own, or the one that was asked for.
    moved : root mean square of the code's change, in standard deviations of beats.
    distance, far : to the nearest real beat, and what 1 % of real beats exceed.
    qrs : seconds that QRS takes, of the beat itself and of this one; NaN where none is found.
    """

    window: Array
    target: str
    probability: float
    reached: bool
    moved: float
    distance: float
    far: float
    qrs: tuple[float, float]

    @property
    def doubt(self) -> str:
        """Why it is not plausible, in one sentence; "" if nothing speaks against it."""
        before, after = self.qrs
        if not self.reached:
            return f"No beat near this one was found that is not called {self.target}"
        if np.isfinite(before) and not _NARROW <= after <= _WIDE:
            found = "no QRS" if np.isnan(after) else f"a QRS of {1000 * after:.0f} ms"
            return f"The beat that the model calls {self.target} has {found}, as no real beat has"
        if self.distance > self.far:
            return (
                f"The beat that the model calls {self.target} is farther from real beats than they "
                "are from each other"
            )
        return ""


def serves(model: Model) -> bool:
    """Return whether a model is a network over windows of beats in one lead."""
    spec = model.spec
    one = spec.kind == "beat" and len(spec.leads) == 1
    return one and model.task == "beat" and gradients.eats_windows(model)


def counterfactual(model: Model, case: Case, target: int) -> Counterfactual:
    """Return the nearest beat that the model does not call the target.

    Of a beat that is called another class already, it is the nearest that is called the target.
    """
    import torch

    from einthoven.explain._beat_space import shipped, times

    space = shipped()
    away = int(model.logits(case.whole())[0].argmax()) == target
    own = case.window[0].astype(np.float64)
    r_peak = _r_peak(model, case)
    at = np.arange(len(own)) / case.rate - r_peak
    here = np.interp(times(), at, own)
    code, spread = space.code(here), max(float(here.std()), 1e-6)
    # (component, time): what a step of each component changes in the window; 0 beyond the space.
    steps = np.stack([
        np.interp(at, times(), part * size * spread, left=0.0, right=0.0)
        for part, size in zip(space.parts, space.spread, strict=True)
    ])  # fmt: skip
    asked = _lead(model, target, away=away)
    to_window = torch.tensor(steps, dtype=torch.float32)
    window, side = (torch.tensor(a) for a in gradients.own(case))
    change = torch.zeros(len(code), requires_grad=True)
    best = change.detach()
    for weight in _WEIGHTS:
        worker = torch.optim.Adam([change], lr=_RATE)
        for _ in range(_STEPS):
            said = asked(window + change @ to_window, side)
            loss = torch.relu(_SURE - said).sum() + weight * (change**2).sum()
            worker.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            worker.step()
        best = change.detach().clone()
        if _said(asked, window + best @ to_window, side) > 0:
            best = _least(asked, window, side, best, to_window)
            break
    made = (window + best @ to_window).numpy()
    said = probabilities(model, model.logits({"window": made, "side": case.side[None]}))[0]
    moved, called = best.numpy().astype(np.float64), int(said.argmax())
    return Counterfactual(
        window=made[0], target=model.classes[called], probability=float(said[called]),
        reached=(called != target) == away,
        moved=float(np.sqrt((moved**2).mean())), distance=space.distance(code + moved),
        far=max(space.far, space.distance(code)),
        qrs=(_qrs(own, case.rate, r_peak), _qrs(made[0, 0], case.rate, r_peak)),
    )  # fmt: skip


def _r_peak(model: Model, case: Case) -> float:
    """Return seconds from the window's begin of the R peak nearest to where the spec puts it."""
    middle: float = model.spec.window[0]
    apart = np.abs(case.r_peaks - case.start - middle)
    return float(case.r_peaks[apart.argmin()]) - case.start if len(apart) else middle


def _lead(model: Model, target: int, *, away: bool) -> gradients.Asked:
    """Return by how many logits any other class leads the target, or the target all others."""
    module = model.module
    assert module is not None
    rest = [c for c in range(len(model.classes)) if c != target]

    def asked(window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        logits = module(window, side)
        ahead: torch.Tensor = logits[:, rest].amax(dim=1) - logits[:, target]
        return ahead if away else -ahead

    return asked


def _said(asked: gradients.Asked, window: torch.Tensor, side: torch.Tensor) -> float:
    import torch

    with torch.no_grad():
        ahead: float = asked(window, side).item()
    return ahead


def _least(
    asked: gradients.Asked, window: torch.Tensor, side: torch.Tensor, change: torch.Tensor,
    to_window: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """Return as little of a change as is enough."""
    low, high = 0.0, 1.0
    for _ in range(10):
        middle = (low + high) / 2
        enough = _said(asked, window + middle * change @ to_window, side) > _SURE / 2
        low, high = (low, middle) if enough else (middle, high)
    return high * change


def _qrs(window: npt.NDArray[np.floating], rate: float, r_peak: float) -> float:
    """Return seconds that QRS takes in a beat, as the delineator sees it; NaN where it sees none.

    It is shown the beat again and again, the ends brought together, for it works on ten seconds.
    """
    from einthoven.explain._waves import delineated
    from einthoven.record.record import Record
    from einthoven.record.source import RecordSource

    time = len(window)
    line = np.linspace(window[0], window[-1], time)
    flat = np.tile(window - line, _BEATS).astype(np.float32)
    source = RecordSource(Record(signal=flat[None], rate=rate, leads=("II",)))
    peaks = r_peak + np.arange(_BEATS) * time / rate
    found = delineated(source, 0.0, float(time * _BEATS / rate), peaks).of(0, "QRS")
    widths = [
        off - on
        for on, off in found
        for peak in peaks[2:-2]
        if peak - _BEFORE <= on <= peak + 0.02 and off >= peak - 0.02
    ]
    return float(np.median(widths)) if widths else float("nan")


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return contributions in logits: what differs from the nearest beat of another answer."""
    found = counterfactual(model, case, target)
    asked = gradients.question(model, target)
    window, side = gradients.own(case)
    other = found.window[None]
    node, weight = np.polynomial.legendre.leggauss(_PATH)
    at = ((node + 1) / 2).astype(np.float32)[:, None, None]
    slope, _, _ = gradients.slopes(
        asked, other + at * (window - other), np.repeat(side, _PATH, axis=0)
    )
    values = np.einsum("n,nlt->lt", weight / 2, slope) * (window - other)[0]
    said = probabilities(model, model.logits({"window": other, "side": side}))[0, target]
    made = gradients.finished(
        "counterfactual", model, case, target, values, np.zeros(0, np.float32), unit="logit",
        compared=False, doubt=found.doubt,
    )  # fmt: skip
    return replace(made, without=float(said))


EXPLAINERS.add(
    "counterfactual",
    Explainer(
        title="Counterfactual in a space of beats", paper="Wachter et al. 2017, arXiv:1711.00399",
        needs="gradients", explain=explain, serves=serves,
    ),
)  # fmt: skip
