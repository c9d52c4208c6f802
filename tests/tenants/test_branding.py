"""A provider's brand: what is kept, what is refused, and that everything in it can be read."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image
from sqlalchemy import select

from saas.db import platform_session, tenant_session
from saas.errors import Forbidden, Invalid, NotFound
from saas.tenants import branding
from saas.tenants.branding import Brand, brand_of, contrast
from saas.tenants.models import Activity, StoredFile
from saas.tenants.providers import own_provider
from tests.cast import Cast


def picture(width: int, height: int) -> bytes:
    packed = io.BytesIO()
    Image.new("RGBA", (width, height), (200, 30, 30, 128)).save(packed, "PNG")
    return packed.getvalue()


def change(cast: Cast, name: str = "小爱建站", colour: str = "#7a1fa2", contact: str = "微信 alice") -> Brand:
    with tenant_session(cast.alices) as db:
        own = own_provider(db)
        branding.change_brand(db, own, who=cast.who["alice"], name=name, colour=colour, contact=contact)
        return brand_of(own)


def put_logo(cast: Cast, content: bytes) -> Brand:
    with tenant_session(cast.alices) as db:
        own = own_provider(db)
        branding.change_logo(db, own, content, who=cast.who["alice"])
        return brand_of(own)


def test_a_brand_is_kept_and_logged(cast: Cast) -> None:
    brand = change(cast)
    assert (brand.name, brand.colour, brand.contact) == ("小爱建站", "#7a1fa2", "微信 alice")
    assert brand.full_name == "小爱建站（爱丽服务）"
    change(cast)
    with platform_session("test") as db:
        entry = db.scalars(select(Activity)).one()
    assert entry.verb == "provider.change_brand"
    assert entry.detail == {"changed": ["brand_name", "brand_colour", "brand_contact"]}


def test_an_empty_brand_is_the_providers_name_and_the_platforms_colours(cast: Cast) -> None:
    brand = change(cast, name="", colour="", contact="")
    assert (brand.name, brand.full_name, brand.colour) == ("爱丽服务", "爱丽服务", "")
    assert "--" not in branding.style_sheet(brand)
    assert change(cast, name="爱丽服务").name == "爱丽服务"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "领奖 http://evil.example"}, "name"), ({"name": "长" * 31}, "name"),
        ({"colour": "red"}, "colour"), ({"colour": "#fff"}, "colour"), ({"colour": "#12345g"}, "colour"),
        ({"colour": "#000000;}body{display:none"}, "colour"),
        ({"contact": "https://evil.example"}, "contact"), ({"contact": "1" * 61}, "contact"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_at_its_field(cast: Cast, wrong: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        change(cast, **wrong)
    assert refused.value.field == field


def test_a_contact_is_one_line_that_reads_as_it_is_written(cast: Cast) -> None:
    assert change(cast, contact=" 电话\r\n020-1234\u202e5678\u200b ").contact == "电话 020-12345678"


@pytest.mark.parametrize("person", ["max", "bob", "mei"])
def test_only_managers_change_it(cast: Cast, person: str) -> None:
    with tenant_session(cast.alices) as db:
        own, who = own_provider(db), cast.who[person]
        with pytest.raises(Forbidden):
            branding.change_brand(db, own, who=who, name="x", colour="", contact="")
        with pytest.raises(Forbidden):
            branding.change_logo(db, own, picture(10, 10), who=who)
        with pytest.raises(Forbidden):
            branding.remove_logo(db, own, who=who)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert (branding.ink_on("#777777"), branding.ink_on("#767676")) == ("#000000", "#ffffff")


def test_whatever_the_colour_everything_can_be_read() -> None:
    dice = random.Random(7)
    colours = [
        "#000000",
        "#ffffff",
        "#ffff00",
        "#00ff00",
        "#f5f7f6",
        *(f"#{dice.randrange(1 << 24):06x}" for _ in "x" * 300),
    ]
    for colour in colours:
        assert contrast(colour, branding.ink_on(colour)) >= 4.5, colour
        assert contrast(branding.readable_shade(colour), "#f5f7f6") >= 4.5, colour
        assert contrast(branding.readable_shade(colour), "#ffffff") >= 4.5, colour


def test_the_style_sheet_changes_its_version_with_the_colour(cast: Cast) -> None:
    one, other = change(cast, colour="#7A1FA2"), change(cast, colour="#ffd400")
    assert "--brand: #7a1fa2;" in branding.style_sheet(one)
    assert "--brand-ink: #000000;" in branding.style_sheet(other)
    assert one.version != other.version


def test_a_logo_is_made_anew_small_and_replaces_the_one_before(cast: Cast) -> None:
    first = put_logo(cast, picture(3000, 1000)).logo_id
    second = put_logo(cast, picture(900, 900)).logo_id
    with tenant_session(cast.alices) as db:
        rows = db.scalars(select(StoredFile)).all()
    assert [(row.id, row.kind, row.content_type) for row in rows] == [(second, "brand_logo", "image/jpeg")]
    assert rows[0].size < 120 * 1024
    with platform_session("test") as db:
        assert branding.find_logo(db, "alice", rows[0].id).size == rows[0].size
        for slug, file_id in (("alice", first), ("charlie", second), ("nobody", second)):
            assert file_id
            with pytest.raises(NotFound):
                branding.find_logo(db, slug, file_id)


@pytest.mark.parametrize("content", [picture(100, 200), picture(1300, 200), b"", b"<svg xmlns='x'/>", b"%PDF-1.7"])
def test_what_is_no_logo_is_refused_and_the_one_before_stays(cast: Cast, content: bytes) -> None:
    kept = put_logo(cast, picture(64, 64)).logo_id
    with pytest.raises(Invalid) as refused:
        put_logo(cast, content)
    assert refused.value.field == "logo"
    with tenant_session(cast.alices) as db:
        assert own_provider(db).brand_logo_file_id == kept


def test_a_removed_logo_is_gone(cast: Cast) -> None:
    put_logo(cast, picture(64, 64))
    with tenant_session(cast.alices) as db:
        branding.remove_logo(db, own_provider(db), who=cast.who["alice"])
    with tenant_session(cast.alices) as db:
        assert own_provider(db).brand_logo_file_id is None
        assert db.scalars(select(StoredFile)).all() == []
