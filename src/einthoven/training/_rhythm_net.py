"""Trains the network of the rhythm model on windows of half a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from einthoven.models.rhythm_crnn import RhythmCrnn
from einthoven.training import _run, _weights
from einthoven.training._checkpoint import SafeCheckpointIO, read_checkpoint
from einthoven.training._recipe import Optimiser

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

WINDOW = 3000  # samples at 100 Hz
_CLIP = 2.0
_SMOOTHING = 0.05
_UP = 0.25  # share of the steps in which the learning rate rises
_BALANCE = 0.5  # power of a class's rarity in its weight


@dataclass(frozen=True, kw_only=True)
class Augment:
    """What is done to the windows that are learnt from.

    Attributes
    ----------
    stretch : of the time, at most so much of it shorter or longer.
    flip : share of the windows turned upside down.
    gain : SD of the logarithm of the size.
    white, wander : largest SD of white noise, largest size of a slow wave; the lead's own 97th
        percentile is 1.
    blank : share of the windows that lose a piece of 0.2 to 1.5 s.
    crop : share of the windows of which only a piece of 9 to 30 s is known, so that a short span
        is no sign of the records that happen to be short.
    """

    stretch: float = 0.12
    flip: float = 0.5
    gain: float = 0.25
    white: float = 0.12
    wander: float = 0.4
    blank: float = 0.5
    crop: float = 0.0


def draw(leads: Sequence[Floats], augment: Augment, rng: np.random.Generator) -> Floats:
    """Return (lead, 2, 3000): a changed window of each of the leads (2, time), 100 Hz."""
    out = np.zeros((len(leads), 2, WINDOW), np.float32)
    for row, lead in zip(out, leads, strict=True):
        speed = 1 + augment.stretch * rng.uniform(-1, 1)
        time = lead.shape[1]
        # Shorter records may begin anywhere in the window, longer ones anywhere in themselves.
        spare = time / speed - WINDOW
        first = rng.uniform(0, spare) if spare > 0 else -rng.uniform(0, -spare)
        begin, end = max(0, int(np.ceil(-first))), min(WINDOW, int(time / speed - first))
        at = (np.arange(begin, end) + first) * speed
        row[0, begin:end] = np.interp(at, np.arange(time), lead[0])
        row[1, begin:end] = lead[1, np.minimum(at.astype(np.int64), time - 1)]
    n = len(out)
    signal = out[:, 0]
    sign = np.where(rng.random(n) < augment.flip, -1.0, 1.0)
    signal *= (sign * np.exp(augment.gain * rng.standard_normal(n))).astype(np.float32)[:, None]
    noise = rng.standard_normal((n, WINDOW), np.float32)
    signal += noise * (augment.white * rng.random((n, 1)) ** 2).astype(np.float32)
    t = np.arange(WINDOW, dtype=np.float32) / 100
    wave = 2 * np.pi * rng.uniform(0.1, 0.6, (n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
    size = augment.wander * rng.random((n, 1)) ** 2
    signal += (size * np.sin(wave[0] * t + wave[1])).astype(np.float32)
    signal *= out[:, 1]
    for k in np.flatnonzero(rng.random(n) < augment.blank):
        start, width = int(rng.integers(0, WINDOW)), int(rng.integers(20, 151))
        signal[k, start : start + width] = 0
    for k in np.flatnonzero(rng.random(n) < augment.crop) if augment.crop else ():
        known = np.flatnonzero(out[k, 1])
        length = int(rng.integers(900, WINDOW + 1))
        if length < len(known):
            start = int(rng.integers(known[0], known[-1] - length + 2))
            out[k, :, :start] = out[k, :, start + length :] = 0
    return out


def rate(step: int, steps: int, largest: float) -> float:
    """Return the learning rate of a step: up by a cosine, then down by a longer one."""
    turn = _UP * steps
    if step < turn:
        return float(largest * (0.04 + 0.96 * (1 - np.cos(np.pi * step / turn)) / 2))
    return float(largest * (1 + np.cos(np.pi * (step - turn) / max(1.0, steps - turn))) / 2)


def train(
    leads: Sequence[Floats],
    label: Ints,
    rows: Ints,
    optimiser: Optimiser,
    augment: Augment,
    seed: int,
    classes: int,
    folder: Path,
) -> RhythmCrnn:
    """Return the network trained on some of the leads; it is read where it was trained before.

    Parameters
    ----------
    leads : (2, time) each, as `inputs.rhythm_span.network_lead` gives them at 100 Hz.
    label : (lead,) class.
    rows : of the leads that are learnt from.
    folder : holds ``weights.safetensors`` when training is done, and the last epoch until then.
    """
    torch.set_num_threads(optimiser.threads)
    torch.manual_seed(seed)
    net = RhythmCrnn(classes)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    done, last = folder / "weights.safetensors", folder / "last.safetensors"
    if done.is_file():
        return _weights.filled(net, done)
    worker = torch.optim.AdamW(
        net.parameters(), optimiser.learning_rate, weight_decay=optimiser.weight_decay
    )
    begin = 0
    if last.is_file():
        state = read_checkpoint(last)
        net.load_state_dict(state["net"])
        worker.load_state_dict(state["optimiser"])
        begin = int(state["epoch"]) + 1
    count = np.maximum(np.bincount(label[rows], minlength=classes), 1)
    weight = torch.from_numpy(((len(rows) / (classes * count)) ** _BALANCE).astype(np.float32))
    steps = len(rows) // optimiser.batch
    for epoch in range(begin, optimiser.epochs):
        # Each epoch's chance begins anew, so that a resumed run has the same.
        torch.manual_seed(1_000_003 * seed + 1009 * epoch)
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(rows)
        net.train()
        total = 0.0
        for step in range(steps):
            for group in worker.param_groups:
                group["lr"] = rate(
                    epoch * steps + step, steps * optimiser.epochs, optimiser.learning_rate
                )
            picked = order[step * optimiser.batch : (step + 1) * optimiser.batch]
            window = torch.from_numpy(draw([leads[k] for k in picked], augment, rng))
            loss = functional.cross_entropy(
                net(window), torch.from_numpy(label[picked]), weight, label_smoothing=_SMOOTHING
            )
            worker.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), _CLIP)
            worker.step()
            total += float(loss.detach())
        _run.tell(
            f"{folder.name}: epoch {epoch + 1} of {optimiser.epochs}, loss {total / steps:.4f}"
        )
        state = {"net": net.state_dict(), "optimiser": worker.state_dict(), "epoch": epoch}
        SafeCheckpointIO().save_checkpoint(state, last)
    _weights.save(net.state_dict(), done)
    last.unlink()
    return net.eval()
