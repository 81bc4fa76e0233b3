"""The README's commands are those that are run and tested."""

from __future__ import annotations

import re
from pathlib import Path

from einthoven.cli import commands

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_the_second_command_letter_by_letter() -> None:
    second = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)[1]
    install = second.partition("activate && ")[2]
    assert install.startswith("python -m pip install")
    assert install in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_command_the_readme_names_exists() -> None:
    named = set(re.findall(r"^einthoven (\w+)", README, re.MULTILINE))
    assert named
    assert named <= set(commands())


def test_every_page_and_picture_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_it_says_it_is_no_medical_device_on_the_first_screen() -> None:
    assert "not a\nmedical device" in README[:1200] or "not a medical device" in README[:1200]
