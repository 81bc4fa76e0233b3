"""HeartBeatAI: weights for leads and channels, residual stages, all of which reach the answer.

HeartBeatAI, a twelve-lead network made for data of strange sources, arXiv:2605.24588 (2026).
MixStyle after Zhou, Yang, Qiao, Xiang, "Domain Generalization with
MixStyle", arXiv:2104.02008 (2021).

Differs from the paper: of it only the abstract and the first page are known to us: squeeze and
excitation in a residual network that finds the leads that matter, a Multi-Layer Concentration
Pipeline that joins scales, MixStyle, label smoothing. Depth, widths, kernels and what a
concentration is made of are ours. Leads are weighed by their mean absolute value: the mean of a
filtered lead is next to nothing. Its 98 % macro F1 within sources is on labels we do not know.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers
from einthoven.record.errors import UsageError

_PAPER = "HeartBeatAI 2026, arXiv:2605.24588"
_STEM_KERNEL, _KERNEL, _STAGES = 15, 7, 4
_CONCENTRATED, _HIDDEN = 128, 256
_STYLES = 2  # stages whose styles are mixed: early maps carry the device, late ones the disease
_BETA, _CHANCE = 0.1, 0.5


class MixStyle(nn.Module):
    """In training, now and then, gives a record's maps the mean and spread of a partner's.

    Mean and SD over time of each map are taken out and put back mixed with those of another record
    of the batch, by a share from Beta(0.1, 0.1). No gradient flows through them. Evaluation changes
    nothing.
    """

    def forward(self, maps: torch.Tensor, domain: torch.Tensor | None) -> torch.Tensor:
        """Return maps of the same shape.

        Parameters
        ----------
        maps : (batch, channel, 1, position).
        domain : (batch,) a number for each source; partners then come from another one where the
            batch has another. None lets anyone be a partner.
        """
        if not self.training or torch.rand(()) >= _CHANCE:
            return maps
        centre = maps.mean(dim=3, keepdim=True).detach()
        spread = (maps.var(dim=3, keepdim=True, unbiased=False) + 1e-6).sqrt().detach()
        partner = partners(len(maps), domain).to(maps.device)
        both = torch.full((2, len(maps)), _BETA)
        # Two gamma draws make a beta draw; both at 0 in float32 would be 0 / 0.
        one, other = torch._standard_gamma(both).clamp_min(1e-30)
        own = (one / (one + other)).to(maps)[:, None, None, None]
        centre_new = own * centre + (1 - own) * centre[partner]
        spread_new = own * spread + (1 - own) * spread[partner]
        mixed: torch.Tensor = (maps - centre) / spread * spread_new + centre_new
        return mixed


def partners(count: int, domain: torch.Tensor | None) -> torch.Tensor:
    """Return (count,) int64: for each row a random one, of another domain wherever there is one."""
    if domain is None:
        return torch.randperm(count)
    strange = domain.cpu()[:, None] != domain.cpu()[None, :]
    alone = ~strange.any(dim=1, keepdim=True)
    return torch.multinomial((strange | alone).float(), 1).squeeze(1)


class Concentration(nn.Module):
    """Maps to features: a mean weighted by attention over time, and the largest of each.

    Parameters
    ----------
    channels : number of maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = nn.Sequential(
            layers.convolution(channels, _CONCENTRATED, 1), nn.BatchNorm2d(_CONCENTRATED)
        )
        # No bias: the softmax would take it out again.
        self.energy = layers.convolution(_CONCENTRATED, 1, 1)

    def forward(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (batch, 256) features and (batch, position) weights, 1 in all for each row."""
        narrow = self.narrow(maps).squeeze(2)
        weight = self.energy(narrow.unsqueeze(2)).flatten(1).softmax(dim=1)
        mean = (narrow * weight.unsqueeze(1)).sum(dim=2)
        return torch.cat([mean, narrow.amax(dim=2)], dim=1), weight


class HeartBeatAi(nn.Module):
    """Weights of leads, stem, four residual stages, a concentration of each stage, two layers.

    The stem divides the time by `stem`, each stage but the first by 2 more.

    Attributes
    ----------
    domain : (batch,) the source of each record of the next training batch, or None; set by whoever
        trains on several sources. Only MixStyle reads it.
    step : samples of a position of the first stage.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    width : channels of the stem and of the first stage; each stage has twice as many as the last.
    depth : residual blocks of a stage.
    stem : what the stem divides the time by: 4 (stride and pooling), 2 (stride alone) or 1.
    lead_se, channel_se : weigh the leads; weigh the maps of each block.
    concentration : use all stages; otherwise the last alone, by its mean over time.
    mixstyle : mix styles in training behind the first two stages.
    dropout : share dropped in training within blocks; behind the hidden layer half as much again.
    """

    def __init__(
        self, leads: int, classes: int, side: int, *, width: int, depth: int, stem: int,
        lead_se: bool, channel_se: bool, concentration: bool, mixstyle: bool, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.domain: torch.Tensor | None = None
        self.step = stem
        self.gate = layers.excitation(leads, max(1, leads // 3)) if lead_se else None
        self.stem = layers.sequence(
            layers.convolution(leads, width, _STEM_KERNEL, min(stem, 2)), nn.BatchNorm2d(width),
            nn.ReLU(inplace=True), *([nn.MaxPool2d((1, 3), (1, 2), (0, 1))] if stem == 4 else []),
        )  # fmt: skip
        stages, channels, widths = [], width, [width * 2**n for n in range(_STAGES)]
        for number, out in enumerate(widths):
            blocks = []
            for block in range(depth):
                few = max(4, out // 16) if channel_se else 0
                stride = 2 if number and not block else 1
                blocks.append(
                    layers.Residual(
                        channels, out, (_KERNEL, _KERNEL), stride, dropout=dropout, few=few
                    )
                )
                channels = out
            stages.append(layers.sequence(*blocks))
        self.stages = nn.ModuleList(stages)
        self.mix = MixStyle() if mixstyle else None
        self.concentrations = nn.ModuleList(
            Concentration(c).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            for c in (widths if concentration else [])
        )
        self.scale = layers.standardiser(side)
        features = (2 * _CONCENTRATED * _STAGES if concentration else channels) + side
        self.head = nn.Sequential(
            nn.LayerNorm(features), nn.Linear(features, _HIDDEN), nn.ReLU(inplace=True),
            nn.Dropout(min(0.9, 1.5 * dropout)), nn.Linear(_HIDDEN, classes),
        )  # fmt: skip

    def lead_weights(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, lead) within 0 and 1: what each lead of a window is multiplied by."""
        if self.gate is None:
            return torch.ones_like(window[:, :, 0])
        weight: torch.Tensor = self.gate(window.abs().mean(dim=2)[:, :, None, None])
        return weight.flatten(1)

    def _maps(self, window: torch.Tensor) -> list[torch.Tensor]:
        """Return the maps (batch, channel, 1, position) behind each stage."""
        if self.gate is not None:
            window = window * self.lead_weights(window).unsqueeze(2)
        maps, found = self.stem(layers.image(window)), []
        for number, stage in enumerate(self.stages):
            maps = stage(maps)
            if self.mix is not None and number < _STYLES:
                maps = self.mix(maps, self.domain)
            found.append(maps)
        return found

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 8 * width, position): the maps of the last stage."""
        return self._maps(window)[-1].squeeze(2)

    def attention(self, window: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return ``stage-1`` to ``stage-4``: (batch, position), 1 in all for each window.

        Position p of stage n stands for the samples from p * step * 2 ** (n - 1) on; the
        convolutions see more on either side. Empty without concentration.
        """
        found = zip(self.concentrations, self._maps(window), strict=False)
        return {f"stage-{n}": part(maps)[1] for n, (part, maps) in enumerate(found, 1)}

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        maps = self._maps(window)
        if self.concentrations:
            parts = zip(self.concentrations, maps, strict=True)
            pooled = torch.cat([part(found)[0] for part, found in parts], dim=1)
        else:
            pooled = maps[-1].mean(dim=(2, 3))
        logits: torch.Tensor = self.head(layers.join(pooled, self.scale, side))
        return logits


def build(
    *, leads: int, time: int, classes: int, side: int, width: int = 16, depth: int = 2,
    stem: int = 4, lead_se: bool = True, channel_se: bool = True, concentration: bool = True,
    mixstyle: bool = True, dropout: float = 0.2,
) -> HeartBeatAi:  # fmt: skip
    """Build it: compact with `width` 16 (0.9 M numbers), 64 for the full one (9.2 M). Any `time`.

    Raises
    ------
    UsageError : `width` or `depth` is below 1, or `stem` is not 1, 2 or 4.
    """
    del time
    for name, value in (("width", width), ("depth", depth)):
        if value < 1:
            raise UsageError(f"model.{name}", f"is {value}", "Give 1 or more")
    if stem not in (1, 2, 4):
        raise UsageError("model.stem", f"is {stem}", "Give 1, 2 or 4")
    return HeartBeatAi(
        leads, classes, side, width=width, depth=depth, stem=stem, lead_se=lead_se,
        channel_se=channel_se, concentration=concentration, mixstyle=mixstyle, dropout=dropout,
    )  # fmt: skip


MODELS.add(
    "heartbeatai", Entry(build=build, title="HeartBeatAI", paper=_PAPER, shape=(12, 1000, 5))
)
