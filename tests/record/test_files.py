"""Nothing is lost: what is written appears whole, or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from einthoven.record.files import beside, write_text


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_text(target, "old")
    with pytest.raises(UnicodeEncodeError), beside(target) as temporary:
        temporary.write_text("half \ud800", encoding="utf-8")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_written_file_has_the_users_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    target = write_text(tmp_path / "deep" / "a.json", "new")
    usual = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert stat.S_IMODE(target.stat().st_mode) == usual
