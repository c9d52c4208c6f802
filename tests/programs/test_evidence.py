"""What people upload to show WeChat's reviewers a use: a photo of an iPhone is not taken for a film."""

from __future__ import annotations

import io
from typing import cast as typed

import pytest
from PIL import Image
from sqlalchemy.orm import Session

from saas.db import tenant_session
from saas.errors import Invalid
from saas.programs.evidence import keep_pictures, keep_video
from saas.programs.filing_fields import FIELDS, Kind
from saas.programs.filing_forms import fit_file
from saas.programs.models import Program
from saas.releases.previews import keep_previews
from tests.cast import Cast


@pytest.fixture
def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(out, "HEIF")
    assert out.getvalue()[4:12] == b"ftypheic"
    return out.getvalue()


def test_a_heic_photo_is_a_picture_and_no_film(cast: Cast, photo: bytes) -> None:
    with tenant_session(cast.alices) as db:
        assert keep_pictures(db, cast.alices, [photo])
        with pytest.raises(Invalid, match="MP4") as refused:
            keep_video(db, cast.alices, photo)
        assert refused.value.field == "video"


def test_nor_is_it_a_film_of_a_filing_or_of_a_submission(photo: bytes) -> None:
    film = next(field for field in FIELDS if field.kind is Kind.VIDEO)
    with pytest.raises(Invalid, match="MP4") as refused:
        fit_file(film, photo)
    assert refused.value.field == film.path
    with pytest.raises(Invalid, match="不是图片") as refused:
        keep_previews(typed(Session, None), typed(Program, None), [("IMG_1.heic", photo)])
    assert refused.value.field == "files"
