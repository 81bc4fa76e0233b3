"""The nouns refuse what cannot be."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.record import (
    Annotations,
    EinthovenError,
    FormatError,
    InputSpec,
    Record,
    RecordSource,
    UsageError,
)
from einthoven.record.leads import (
    STANDARD,
    canonical,
    fits_one_lead,
    is_lead_name,
    one_lead,
    with_chest,
)
from einthoven.record.registry import Registry


def test_a_record_holds_float32_by_canonical_lead_names() -> None:
    record = Record(signal=np.zeros((2, 720)), rate=360, leads=("ecg ii", "v5"))
    assert record.signal.dtype == np.float32
    assert record.leads == ("II", "V5")
    assert record.seconds == 2.0
    assert record.lead("Lead II").shape == (720,)


@pytest.mark.parametrize(
    ("signal", "rate", "leads", "said"),
    [
        (np.zeros((2, 10)), 360, ("II",), "signal has shape (2, 10) but 1 lead names"),
        (np.zeros((2, 10)), 360, ("II", "ii"), "lead names repeat"),
        (np.zeros((1, 10)), 0, ("II",), "rate is 0 Hz"),
        (np.zeros((1, 10)), float("nan"), ("II",), "rate is nan Hz"),
    ],
)
def test_a_record_that_cannot_be_is_refused(
    signal: np.ndarray, rate: float, leads: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError) as fault:
        Record(signal=signal, rate=rate, leads=leads)
    assert said in str(fault.value)


def test_a_missing_lead_names_those_there_are() -> None:
    record = Record(signal=np.zeros((1, 10)), rate=100, leads=("II",))
    with pytest.raises(UsageError, match=r"no lead 'V1'\. Leads: II"):
        record.lead("V1")


def test_a_record_can_be_copied_and_pickled_and_has_no_made_up_attributes() -> None:
    record = Record(signal=np.zeros((1, 10)), rate=100, leads=("II",))
    assert copy.deepcopy(record).leads == ("II",)
    assert pickle.loads(pickle.dumps(record)).rate == 100
    with pytest.raises(AttributeError, match="no attribute 'plott'"):
        _ = record.plott


@given(
    st.sampled_from(STANDARD),
    st.sampled_from(
        [
            "{}",
            "ECG {}",
            "lead_{}",
            " ecg  {} ",
            "ECG: {}",
            "MDC_ECG_LEAD_{}",
            "{}-ref",
            "ECG {}-Ref",
        ]
    ),
)
def test_every_spelling_of_a_lead_is_one_name(name: str, form: str) -> None:
    for text in (form.format(name), form.format(name.upper()), form.format(name.lower())):
        assert canonical(text) == name
        assert is_lead_name(text)


def test_what_is_no_lead_is_not_taken_for_one() -> None:
    for name in ("ABP", "RESP", "SpO2", "PLETH", "EEG Fpz-Cz", "EMG", "CO2"):
        assert not is_lead_name(name)


def test_electrodes_of_iec_are_chest_leads_only_where_they_can_be_nothing_else() -> None:
    limbs, chest = ("I", "II", "III", "aVR", "aVL", "aVF"), tuple(f"C{i}" for i in range(1, 7))
    assert with_chest((*limbs, *chest)) == STANDARD
    assert with_chest(("ecg c6", "ii", "c1", "I", "C2-ref", "C5", "C4", "C3")) == (
        "V6", "ii", "V1", "I", "V2", "V5", "V4", "V3",
    )  # fmt: skip
    for names in (
        ("C3", "C4", "ECG II"), chest, ("I", *chest), ("I", "II", *chest[:5]),
        ("I", "II", "Cz", *chest), ("I", "II", "Fp1", *chest), ("I", "II", "V1", *chest),
        ("I", "II", "EEG O2-A1", *chest), ("I", "II", "C1", *chest),
    ):  # fmt: skip
        assert with_chest(names) == names
    assert canonical("C3") == "C3"
    assert canonical("C3-ref") == "C3-ref"
    assert canonical("MDC_ECG_LEAD_AVRneg") != "aVR"
    record = Record(signal=np.zeros((12, 10)), rate=100, leads=(*limbs, *chest))
    assert record.leads == STANDARD


def test_lead_ii_speaks_for_the_record_wherever_it_stands() -> None:
    assert one_lead(("V5", "MLII")) == 1
    assert one_lead(("V1", "V2")) == 1
    assert one_lead(("whatever",)) == 0
    assert fits_one_lead("MLII")
    assert not fits_one_lead("aVR")


def test_chunks_give_the_record_back() -> None:
    record = Record(signal=np.arange(2500, dtype=float)[None], rate=100, leads=("II",))
    chunks = list(RecordSource(record).chunks(7.0))
    assert max(c.shape[1] for c in chunks) == 700
    np.testing.assert_array_equal(np.concatenate(chunks, axis=1), record.signal)


def test_annotations_are_columns_of_one_length() -> None:
    marks = Annotations(samples=np.array([5, 9]), symbols=np.array(["N", "V"]))
    assert marks.texts == ("", "")
    assert marks.where(marks.symbols == "V").samples.tolist() == [9]
    with pytest.raises(ValueError, match="unequal length"):
        Annotations(samples=np.array([5]), symbols=np.array(["N", "V"]))


def test_errors_say_where_fault_and_mend_and_survive_a_process() -> None:
    fault = FormatError("a.edf", "is cut short", "Copy it again")
    assert str(fault) == "a.edf: is cut short. Copy it again."
    again = pickle.loads(pickle.dumps(fault))
    assert isinstance(again, FormatError)
    assert isinstance(again, EinthovenError)
    assert isinstance(again, ValueError)
    assert str(again) == str(fault)


def test_an_input_spec_keeps_its_fingerprint_through_json() -> None:
    spec = InputSpec(kind="beat", rate=360, window=(0.4, 0.6), side=("rr",))
    again = InputSpec.from_dict(spec.to_dict())
    assert again == spec
    assert hash(again) == hash(spec)
    assert again.fingerprint == spec.fingerprint
    assert InputSpec(kind="beat", rate=250, waveform=False).fingerprint != spec.fingerprint
    with pytest.raises(UsageError, match="Did you mean rate"):
        InputSpec.from_dict({"kind": "beat", "rte": 1})


@pytest.mark.parametrize("rate", [0.0, -360.0, 1e300, float("nan"), float("inf")])
def test_an_input_spec_refuses_a_rate_that_cannot_be(rate: float) -> None:
    with pytest.raises(UsageError, match="Give 1 to 10000 Hz"):
        InputSpec(kind="beat", rate=rate, waveform=False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"band": (40.0, 0.5)}, {"band": (0.5, 400.0)}, {"band": (-1.0, 40.0)}, {"band": (0.5,)},
        {"band": (0.5, float("nan"))}, {"window": (0.6, -0.4)}, {"window": (0.0, 0.0)},
        {"window": (0.4,)}, {"window": (0.4, float("inf"))}, {"hop": -1.0}, {"back": -1.0},
        {"ahead": float("nan")},
    ],
)  # fmt: skip
def test_an_input_spec_of_beats_refuses_what_no_recording_has(wrong: dict[str, Any]) -> None:
    """A band the wrong way round trained on the ECG upside down."""
    (name,) = wrong
    with pytest.raises(UsageError, match=rf"^input\.{name}: is "):
        InputSpec(**({"kind": "beat", "rate": 360.0, "window": (0.4, 0.6)} | wrong))


def test_a_registry_takes_a_name_once_and_names_the_nearest() -> None:
    registry: Registry[int] = Registry("number", "einthoven.live")
    registry.add("one", 1)
    with pytest.raises(UsageError, match="registered twice"):
        registry.add("one", 2)
    with pytest.raises(UsageError, match="Did you mean one"):
        registry["onee"]


@pytest.mark.parametrize(
    "wrong", [{"rate": None}, {"rate": "fast"}, {"signal": [["a", "b"]]}, {"signal": [[1], [1, 2]]}]
)
def test_what_is_no_number_is_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no number"):
        Record(**({"signal": np.zeros((1, 5)), "rate": 250, "leads": ("II",)} | wrong))


def test_a_rate_in_digits_and_a_single_name_are_taken() -> None:
    record = Record(signal=np.zeros(5), rate="360", leads="II")  # type: ignore[arg-type]
    assert (record.rate, record.leads) == (360.0, ("II",))
