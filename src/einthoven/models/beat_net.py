"""BEAT-Net: encoders of the shape of beats, of the leads' perspectives and of the rhythm.

BEAT-Net, "Injecting Biomimetic Spatio-Temporal Priors for Interpretable ECG Classification",
R. Ma, C. Liao, arXiv:2601.07316 (2026).

Differs from the paper: of it only the abstract is known to us: QRS tokens, an encoder of the local
shape of beats, one that normalises the perspectives of the leads, one of the rhythm, trained with
labels alone, and attention that can be read. Sizes and layers are ours: residual convolutions read
out by heads of attention over the positions in the beat; an affine map for each lead into a common
space, attention between leads and over them; the same of beats, with RR intervals beside. In
training only some beats of each record are looked at, others every time.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers
from einthoven.record.errors import UsageError

_PAPER = "BEAT-Net 2026, arXiv:2601.07316"
_NUMBERS = 7  # coordinates of a beat, see inputs.tokens
_STEM, _KERNEL = 7, 5
_STRIDE = 8  # samples of a token to one position
_HEADS = 4  # of attention between leads and between beats
_AT_ONCE = 4096  # tokens a step where nothing is learnt, for the sake of memory
_FLAT = 1e-3  # of a lead's SD, or mV: the largest sample of a lead that is not connected
_NEVER = -1e4  # in a softmax; finite, so that where all are left out nothing is undefined


class Pool(nn.Module):
    """Rows to one: heads of attention over them, each with a share of the channels.

    A head's weights come from what a row holds and, where rows have a place, from that.

    Parameters
    ----------
    width, heads : channels in and out, and heads among which they are divided.
    places : rows, if each always stands for the same, such as leads; 0 otherwise.
    """

    def __init__(self, width: int, heads: int, places: int = 0) -> None:
        super().__init__()
        self.value = nn.Linear(width, width)
        # No bias but that of a place: the softmax would take it out again.
        self.energy = nn.Linear(width, heads, bias=False)
        self.place = nn.Parameter(torch.zeros(places, heads)) if places else None

    def weights(self, rows: torch.Tensor, here: torch.Tensor) -> torch.Tensor:
        """Return (batch, row, head), 1 in all over the rows that are here; 0 if none is."""
        energy = self.energy(rows)
        if self.place is not None:
            energy = energy + self.place
        here = here.unsqueeze(2)
        weight: torch.Tensor = energy.masked_fill(~here, _NEVER).softmax(dim=1) * here
        return weight

    def forward(self, rows: torch.Tensor, here: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (batch, width) and the weights.

        Parameters
        ----------
        rows : (batch, row, width).
        here : (batch, row) bool.
        """
        weight = self.weights(rows, here)
        value = self.value(rows).reshape(*weight.shape, -1)
        return (value * weight.unsqueeze(3)).sum(1).flatten(1), weight


class Mix(nn.Module):
    """A transformer's layer over rows some of which are not here; normalised before each part.

    After Vaswani et al., arXiv:1706.03762 (2017).
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.further = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(),
            nn.Dropout(dropout), nn.Linear(2 * width, width), nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, rows: torch.Tensor, here: torch.Tensor) -> torch.Tensor:
        """Return (batch, row, width) of the same."""
        asked = self.ask(self.before(rows)).reshape(*rows.shape[:2], 3, _HEADS, -1)
        query, key, value = asked.permute(2, 0, 3, 1, 4).unbind(0)  # (batch, head, row, part)
        energy = query @ key.transpose(2, 3) * key.shape[3] ** -0.5
        weight = energy.masked_fill(~here[:, None, None], _NEVER).softmax(dim=3)
        rows = rows + self.answer((weight @ value).transpose(1, 2).flatten(2))
        further: torch.Tensor = rows + self.further(rows)
        return further


class Morphology(nn.Module):
    """The shape of a beat in one lead, the same weights for all: (token, column) to (token, width).

    Parameters
    ----------
    columns : samples of a token.
    channels : of the first maps; the last have four times as many, each position 8 samples.
    width : of what is returned.
    heads : of attention over positions, each of which can come to stand for a wave.
    """

    def __init__(self, columns: int, channels: int, width: int, heads: int) -> None:
        super().__init__()
        last = 4 * channels
        pair = (_KERNEL, _KERNEL)
        self.body = layers.sequence(
            layers.convolution(2, channels, _STEM, 2), nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            layers.Residual(channels, channels, pair, 1),
            layers.Residual(channels, 2 * channels, pair, 2),
            layers.Residual(2 * channels, last, pair, 2),
        )  # fmt: skip
        self.read = Pool(last, heads, positions(columns))
        self.out = nn.Linear(2 * last, width)

    def forward(self, token: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (token, width) and the weights (token, position, head); mask (token, column)."""
        both = torch.stack([token, mask.to(token.dtype)], dim=1)
        maps = layers.maps(self.body, both)
        here = nn.functional.max_pool1d(mask.to(token.dtype)[:, None], _STRIDE, ceil_mode=True)
        read, weight = self.read(maps.transpose(1, 2), here[:, 0] > 0)
        # Padding has a map, too, but a maximum there is none of the beat's.
        largest = maps.masked_fill(here <= 0, 0).amax(dim=2)
        found: torch.Tensor = self.out(torch.cat([read, largest], dim=1))
        return found, weight


def positions(columns: int) -> int:
    """Return how many positions a token of so many columns has."""
    return -(-columns // _STRIDE)


class Spatial(nn.Module):
    """What all leads say of a beat: each in a space of its own, brought to a common one.

    Parameters
    ----------
    leads, width : rows, and their channels.
    """

    def __init__(self, leads: int, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.turn = nn.Parameter(torch.eye(width).repeat(leads, 1, 1))
        self.place = nn.Parameter(torch.randn(leads, width) * 0.02)
        self.mix = Mix(width, dropout)
        self.pool = Pool(width, _HEADS, leads)

    def forward(self, rows: torch.Tensor, here: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (beat, width) and the weights (beat, lead, head) of rows (beat, lead, width)."""
        turned = torch.einsum("blw,lwv->blv", self.norm(rows), self.turn) + self.place
        found: tuple[torch.Tensor, torch.Tensor] = self.pool(self.mix(turned, here), here)
        return found


class Rhythm(nn.Module):
    """What all beats say, in the light of when they come.

    Parameters
    ----------
    width : channels of a beat.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.when = nn.Sequential(nn.Linear(_NUMBERS, width), nn.GELU(), nn.Linear(width, width))
        self.mix = Mix(width, dropout)
        self.pool = Pool(width, _HEADS)

    def forward(
        self, rows: torch.Tensor, here: torch.Tensor, numbers: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (record, width), weights (record, beat, head); numbers (record, beat, 7)."""
        mixed = self.mix(self.norm(rows) + self.when(numbers), here)
        found: tuple[torch.Tensor, torch.Tensor] = self.pool(mixed, here)
        return found


class BeatNet(nn.Module):
    """A strip and the coordinates of its beats in, logits out; see `build` for the arguments.

    Attributes
    ----------
    coordinates : how many side numbers are coordinates, to be given as they are.
    """

    def __init__(
        self, leads: int, time: int, classes: int, side: int, *, before: int, after: int,
        beats: int, channels: int, width: int, waves: int, morphology: bool, spatial: bool,
        rhythm: bool, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.coordinates = side if side % _NUMBERS == 0 else 0
        self._before, self._columns, self._beats = before, before + after, beats
        self._time = time
        self.morphology = Morphology(self._columns, channels, width, waves) if morphology else None
        # A token as it stands, by one linear layer.
        self.plain = None if morphology else nn.Linear(2 * self._columns, width)
        # One lead has no perspective but its own.
        self.spatial = Spatial(leads, width, dropout) if spatial and leads > 1 else None
        self.rhythm = Rhythm(width, dropout) if rhythm else None
        extra = side - self.coordinates
        self.scale = layers.standardiser(extra)
        self.head = nn.Sequential(
            nn.LayerNorm(2 * width), nn.Dropout(min(0.9, 2 * dropout)),
            nn.Linear(2 * width, 3 * width // 2), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.last = nn.Sequential(nn.Dropout(dropout), nn.Linear(3 * width // 2 + extra, classes))

    def _sentence(self, window: torch.Tensor, side: torch.Tensor | None) -> torch.Tensor:
        """Return (record, beat, 7) the coordinates: those given, else even tokens end to end."""
        if self.coordinates:
            assert side is not None, "this network eats the coordinates of beats, too"
            return side.reshape(-1, self.coordinates // _NUMBERS, _NUMBERS)
        first = torch.arange(0, self._time, self._columns)
        past = (first + self._columns).clamp(max=self._time)
        r = torch.minimum(first + self._before, past - 1)
        even = torch.ones(len(first), _NUMBERS)
        even[:, :3] = torch.stack([r, first, past], dim=1)
        # Not expanded to the number of records: a graph would keep that of its first ones.
        return even.to(window) + torch.zeros_like(window[:, :1, :1])

    def _chosen(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return the coordinates of the beats that are looked at, in their order."""
        here = numbers[:, :, 2] > numbers[:, :, 1]
        count = numbers.shape[1]
        if self.training and 0 < self._beats < count:
            chance = torch.rand(here.shape, device=here.device) + here
            keep = chance.topk(self._beats, dim=1).indices.sort(dim=1).values
            return numbers.gather(1, keep.unsqueeze(2).expand(-1, -1, _NUMBERS))
        if not _exported():  # a graph has the same places for every record
            numbers = numbers[:, : max(1, int(here.sum(dim=1).max()))]
        return numbers

    def _tokens(
        self, window: torch.Tensor, numbers: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (record, beat, lead, column) less the means, and (record, beat, column) bool."""
        r, first, past = numbers[:, :, :3].round().long().unsqueeze(3).unbind(2)
        at = r + torch.arange(-self._before, self._columns - self._before, device=window.device)
        mask = (at >= first) & (at < past)
        place = at.clamp(0, window.shape[2] - 1).flatten(1).unsqueeze(1)
        laid = window.gather(2, place.expand(-1, window.shape[1], -1))
        token = laid.reshape(*window.shape[:2], -1, self._columns).transpose(1, 2)
        token = token * mask.unsqueeze(2)
        mean = token.sum(dim=3, keepdim=True) / mask.sum(dim=2)[:, :, None, None].clamp(min=1)
        return (token - mean) * mask.unsqueeze(2), mask

    def _shapes(
        self, token: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return (token, width), and the weights of waves, of (token, column) of both."""
        if self.morphology is None:
            assert self.plain is not None
            return self.plain(torch.cat([token, mask.to(token.dtype)], dim=1)), None
        if self.training or _exported():
            found: tuple[torch.Tensor, torch.Tensor] = self.morphology(token, mask)
            return found
        parts = zip(torch.split(token, _AT_ONCE), torch.split(mask, _AT_ONCE), strict=True)
        shape, weight = zip(*(self.morphology(*part) for part in parts), strict=True)
        return torch.cat(shape), torch.cat(weight)

    def _read(
        self, window: torch.Tensor, side: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """Return the beats (record, beat, width), the record (record, 2 width), and attention."""
        numbers = self._chosen(self._sentence(window, side))
        token, mask = self._tokens(window, numbers)
        records, beats, leads, columns = token.shape
        here = mask.any(dim=2)
        # A lead that is flat or 0 throughout a beat says nothing of it.
        seen = (token.abs().amax(dim=3) > _FLAT) & here.unsqueeze(2)
        shape, waves = self._shapes(
            token.reshape(-1, columns), mask.unsqueeze(2).expand(-1, -1, leads, -1).flatten(0, 2)
        )
        rows, known = shape.reshape(records * beats, leads, -1), seen.flatten(0, 1)
        found = {}
        if waves is not None:
            found["wave"] = waves.reshape(records, beats, leads, *waves.shape[1:])
            found["wave"] = found["wave"] * seen[..., None, None]
        if self.spatial is None:
            each = mean(rows, known)
        else:
            each, lead = self.spatial(rows, known)
            found["lead"] = lead.reshape(records, beats, leads, -1)
        each = each.reshape(records, beats, -1)
        here = seen.any(dim=2)
        if self.rhythm is None:
            pooled = mean(each, here)
        else:
            place = numbers[:, :, :1] / window.shape[2]
            last = [numbers[:, :, 3:], place, (numbers[:, :, 3:5] > 0).to(window.dtype)]
            pooled, found["beat"] = self.rhythm(each, here, torch.cat(last, dim=2))
        most = each.masked_fill(~here.unsqueeze(2), _NEVER).amax(dim=1)
        most = most * here.any(dim=1, keepdim=True)
        return each, torch.cat([pooled, most], dim=1), found

    def attention(
        self, window: torch.Tensor, side: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Return what was looked at; a part that is taken out has no row here.

        ``wave`` (record, beat, lead, position, head) over the positions of each token: position p
        stands for the samples from R + 8 p - `before` on, 8 of them. ``lead`` (record, beat, lead,
        head) over the leads of each beat. ``beat`` (record, beat, head) over the beats. Each is 1
        in all over what it is over, and 0 where there is no beat or the lead is flat.
        """
        return self._read(window, side)[2]

    def features(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return (record, width, beat); without `side` of even tokens in place of beats."""
        if side is None and self.coordinates:
            kept, self.coordinates = self.coordinates, 0
            try:
                return self._read(window, None)[0].transpose(1, 2)
            finally:
                self.coordinates = kept
        return self._read(window, side)[0].transpose(1, 2)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (record, class) of `window` (record, lead, time), `side` (record, number).

        Of a record without a beat they are always the same ones.
        """
        pooled = self.head(self._read(window, side)[1])
        logits: torch.Tensor = self.last(layers.join(pooled, self.scale, side))
        return logits


def _exported() -> bool:
    return torch.onnx.is_in_onnx_export()


def mean(rows: torch.Tensor, here: torch.Tensor) -> torch.Tensor:
    """Return (batch, width): the mean of those rows (batch, row, width) that are here."""
    weight = here.to(rows.dtype).unsqueeze(2)
    return (rows * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


def build(
    *, leads: int, time: int, classes: int, side: int, before: int = 40, after: int = 56,
    beats: int = 3, channels: int = 24, width: int = 64, waves: int = 8, morphology: bool = True,
    spatial: bool = True, rhythm: bool = True, dropout: float = 0.2,
) -> BeatNet:  # fmt: skip
    """Build it: 0.27 M numbers; `channels` 32 and `width` 128 make 0.79 M.

    Parameters
    ----------
    side : numbers of which, if they are a multiple of 7, each 7 are the coordinates of a beat, see
        `inputs.tokens`. Otherwise they are any, and tokens follow each other evenly.
    before, after : samples of a token before R and from it on. What of a beat is farther away is
        not looked at; its length is.
    beats : of each record that are looked at in a training step, chosen by chance; 0 for all.
    channels : of the first maps of the morphology encoder.
    width : of what stands for a token, a beat, a record.
    waves : heads of attention over the positions in a beat.
    morphology, spatial, rhythm : whether there is that encoder. In its place come a linear layer,
        the mean of the leads, the mean of the beats.
    dropout : share dropped in training by attention's layers and the last ones; none within the
        convolutions, where on fold 8 it was of no use (one seed).

    Raises
    ------
    UsageError : a size is too small, or not a multiple of the heads that share it.
    """
    for name, value, least in (
        ("before", before, 0), ("after", after, 1), ("beats", beats, 0), ("channels", channels, 1),
        ("width", width, 1), ("waves", waves, 1),
    ):  # fmt: skip
        if value < least:
            raise UsageError(f"model.{name}", f"is {value}", f"Give {least} or more")
    if width % _HEADS:
        raise UsageError("model.width", f"is {width}", f"Give a multiple of {_HEADS}")
    if 4 * channels % waves:
        raise UsageError("model.waves", f"is {waves}", f"Give a divisor of {4 * channels}")
    return BeatNet(
        leads, time, classes, side, before=before, after=after, beats=beats, channels=channels,
        width=width, waves=waves, morphology=morphology, spatial=spatial, rhythm=rhythm,
        dropout=dropout,
    )  # fmt: skip


MODELS.add("beat-net", Entry(build=build, title="BEAT-Net", paper=_PAPER, shape=(12, 1000, 5)))
