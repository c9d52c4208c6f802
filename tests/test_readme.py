"""The README tells the truth about settings and files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from saas.config import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _variables() -> list[str]:
    return sorted(
        str(field.validation_alias or f"DAIBAN_{name.upper()}") for name, field in Settings.model_fields.items()
    )


@pytest.mark.parametrize("variable", _variables())
def test_every_setting_is_explained(variable: str) -> None:
    assert f"`{variable}`" in README


def test_no_setting_is_explained_that_does_not_exist() -> None:
    table = README.split("## Settings")[1].split("Not for production")[0]
    assert sorted(re.findall(r"`((?:DAIBAN|DATABASE|REDIS|SANDBOX)_[A-Z_0-9]+|PORT)`", table)) == _variables()


def test_every_place_on_the_map_exists() -> None:
    for place in re.findall(r"^([\w/.]+?)/? {2,}", README.split("## The map")[1].split("```")[1], re.M):
        assert (ROOT / place).exists(), place


def test_every_picture_exists() -> None:
    for picture in re.findall(r"\]\(([\w/.]+\.png)\)", README):
        assert (ROOT / picture).exists(), picture
