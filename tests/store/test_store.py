"""The store: the windows of `InputStream`, the same bytes every time."""

from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora.simulated import Simulated
from einthoven.inputs import InputStream
from einthoven.record import Annotations, InputSpec, UsageError
from einthoven.store import _folder, open_store
from einthoven.store._peaks import symbols_of

SPEC = InputSpec(kind="beat", rate=180.0, window=(0.3, 0.5), normalise="zscore")


@pytest.fixture
def people(tmp_path: Path) -> Simulated:
    return Simulated(tmp_path, subjects=2, seconds=20.0)


def test_it_holds_what_the_stream_gives_and_every_reference_beat(
    people: Simulated, tmp_path: Path
) -> None:
    store = open_store(people, SPEC, root=tmp_path)
    start = 0
    for name in people.records:
        source = people.open(name)
        marks = source.annotations()
        assert marks is not None
        stream = InputStream(SPEC, source.rate, source.leads)
        beats = [s for s in marks.symbols.tolist() if s not in "+~|"]
        samples = marks.samples[~np.isin(marks.symbols, list("+~|"))]
        given = stream.push(source.read(0, source.samples), samples, source.samples)
        window = np.concatenate([g.window for g in (*given, *stream.flush())])
        stop = start + len(window)
        np.testing.assert_array_equal(store.window[start:stop], window)
        assert store.symbol[start:stop].tolist() == beats
        assert set(store.record[start:stop].tolist()) == {name}
        start = stop
    assert start == len(store)


def test_the_same_bytes_come_every_time(people: Simulated, tmp_path: Path) -> None:
    one, two = (open_store(people, SPEC, root=tmp_path / r).path for r in ("a", "b"))
    assert one.name == two.name
    files = sorted(p.name for p in one.iterdir())
    assert files == sorted(p.name for p in two.iterdir())
    for name in files:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_another_spec_or_other_people_have_another_store(tmp_path: Path) -> None:
    people, others = (Simulated(tmp_path, subjects=1, seconds=10.0, seed=s) for s in (0, 1))
    wider = InputSpec(kind="beat", rate=180.0, window=(0.3, 0.6), normalise="zscore")
    paths = {open_store(c, s, root=tmp_path).path for c in (people, others) for s in (SPEC, wider)}
    assert len(paths) == 4


def test_a_killed_build_leaves_no_half_store(
    people: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_folder, "_to_npy", killed)
        with pytest.raises(KeyboardInterrupt):
            open_store(people, SPEC, root=tmp_path / "s")
    assert list((tmp_path / "s").iterdir()) == []
    assert len(open_store(people, SPEC, root=tmp_path / "s")) > 0


def test_windows_are_mapped_not_loaded(people: Simulated, tmp_path: Path) -> None:
    assert isinstance(open_store(people, SPEC, root=tmp_path).window, np.memmap)


def test_labels_follow_the_map_and_what_has_none_is_minus_one(
    people: Simulated, tmp_path: Path
) -> None:
    store = open_store(people, SPEC, root=tmp_path)
    labels = store.labels("aami", ("N", "V"))
    assert set(labels.tolist()) <= {-1, 0, 1}
    np.testing.assert_array_equal(labels == 1, np.isin(store.symbol, ["V", "E", "r"]))


def test_unknown_peaks_are_refused(people: Simulated, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reference or engine"):
        open_store(people, SPEC, peaks="mine", root=tmp_path)


def test_the_engines_peaks_get_the_reference_symbols(people: Simulated, tmp_path: Path) -> None:
    store = open_store(people, SPEC, peaks="engine", root=tmp_path)
    reference = open_store(people, SPEC, root=tmp_path)
    assert abs(len(store) - len(reference)) <= 0.2 * len(reference)
    assert (store.symbol != "").mean() > 0.9


def test_each_reference_beat_is_given_to_its_nearest_peak_once() -> None:
    reference = Annotations(samples=np.array([100, 400]), symbols=np.array(["N", "V"]))
    found = symbols_of(np.array([90, 105, 430, 700]), reference, 360.0)
    assert found.tolist() == ["", "N", "V", ""]
