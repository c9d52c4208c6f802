"""Uploaded pictures become what WeChat takes, whatever they were; what is none is refused at its field."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from saas.errors import Invalid
from saas.pictures import (
    LARGEST,
    LARGEST_UPLOAD,
    MOST_PAGES,
    Picture,
    crop_square,
    fit_picture,
    is_film,
    stitch_pages,
)

ORIENTATION, CAMERA, PLACE = 0x0112, 0x010F, 0x8825
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)


def made(
    *size: int, colour: tuple[int, ...] = RED, kind: str = "PNG", mode: str = "RGB", exif: Image.Exif | None = None
) -> bytes:  # fmt: skip
    out = io.BytesIO()
    Image.new(mode, (size[0], size[1]), colour).save(out, kind, **({"exif": exif} if exif else {}))
    return out.getvalue()


def noise(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)).save(out, "PNG")
    return out.getvalue()


def opened(picture: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.content))
    assert (image.format, image.size) == ("JPEG", (picture.width, picture.height))
    return image.convert("RGB")


def near(pixel: object, colour: tuple[int, ...]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 12 for one, other in zip(pixel, colour, strict=True))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_every_kind_becomes_a_jpeg(kind: str) -> None:
    assert near(opened(fit_picture(made(40, 30, kind=kind))).getpixel((20, 15)), RED)


def test_it_stands_upright_and_tells_nothing_of_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[CAMERA] = 6, "A phone"
    exif.get_ifd(PLACE)[1] = "N"
    picture = fit_picture(made(40, 20, kind="JPEG", exif=exif))
    assert (picture.width, picture.height) == (20, 40)
    assert not Image.open(io.BytesIO(picture.content)).getexif()
    assert b"A phone" not in picture.content


@pytest.mark.parametrize(("mode", "colour"), [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))])
def test_what_is_transparent_becomes_white(mode: str, colour: tuple[int, ...]) -> None:
    assert near(opened(fit_picture(made(10, 10, mode=mode, colour=colour))).getpixel((5, 5)), WHITE)


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "I;16"])
def test_other_colours_are_read(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (9, 9)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    assert opened(fit_picture(out.getvalue())).size == (9, 9)


def test_bytes_and_pixels_fit() -> None:
    picture = fit_picture(noise(350, 250), most_bytes=20_000, longest=300)
    assert len(picture.content) <= 20_000
    assert max(picture.width, picture.height) <= 300
    assert abs(picture.width / picture.height - 1.4) < 0.02


def phone_photo() -> bytes:
    """As a phone held upright takes it: 12 megapixels lying on their side, with the note that they do."""
    sky = Image.linear_gradient("L").resize((4032, 3024))
    photo = Image.merge("RGB", (sky, sky, Image.new("L", sky.size, 200)))
    photo.paste(Image.effect_noise((2400, 1800), 90), (0, 0))
    exif = Image.Exif()
    exif[ORIENTATION], exif[CAMERA] = 6, "Camera"
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()


def test_a_phone_photo_becomes_a_picture_that_wechat_takes() -> None:
    picture = fit_picture(phone_photo())
    assert len(picture.content) <= LARGEST
    image = opened(picture)
    assert image.size == (picture.width, picture.height)
    assert image.height > image.width >= 1200, "upright and still readable"
    assert not image.getexif()


def test_what_an_iphone_takes_is_read() -> None:
    exif = Image.Exif()
    exif[CAMERA] = "Camera"
    image = opened(fit_picture(made(640, 480, colour=BLUE, kind="HEIF", exif=exif)))
    assert image.size == (640, 480)
    assert near(image.getpixel((320, 240)), BLUE)
    assert not image.getexif()


def test_every_format_is_read_by_a_program_that_has_just_started() -> None:
    """Pillow knows most formats only after somebody asked for them."""
    read = "import sys; from saas.pictures import fit_picture; print(fit_picture(sys.stdin.buffer.read()).width)"
    two = Image.new("RGB", (30, 20), BLUE)
    out = io.BytesIO()
    two.save(out, "MPO", save_all=True, append_images=[two])
    for content in (out.getvalue(), *(made(30, 20, kind=kind) for kind in ("WEBP", "HEIF"))):
        asked = subprocess.run([sys.executable, "-c", read], input=content, capture_output=True)
        assert asked.stdout == b"30\n", asked.stderr.decode()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"%PDF-1.7 licence.jpg", "PDF"),
        (b"PK\x03\x04 licence.docx", "文档"),
        (b"\0\0\0\x20ftypmp42", "视频"),
        (b"", "空"),
    ],
)
def test_what_people_take_for_a_picture_is_named(content: bytes, word: str) -> None:
    with pytest.raises(Invalid, match=word):
        fit_picture(content, field="licence")


def test_a_picture_in_the_container_of_films_is_no_film() -> None:
    for brand in (b"mp42", b"isom", b"iso5", b"avc1", b"qt  "):
        assert is_film(b"\0\0\0\x20ftyp" + brand), brand
    pictures = [made(30, 20, kind=kind) for kind in ("HEIF", "AVIF")]
    for content in (*pictures, b"\0\0\0\x20ftypmif1", b"\0\0\0\x20moov", b""):
        assert not is_film(content), content[:12]


BANDS = [  # x, y, size, and the colour in the middle of the square
    (0, 50, 100, RED),
    (50, 50, 100, GREEN),
    (100, 50, 100, BLUE),
    (0, 0, 20, RED),
    (-5, 400, 20, RED),
    (1000, 50, 500, BLUE),
]


@pytest.mark.parametrize(("x", "y", "size", "colour"), BANDS)
def test_the_square_lies_where_it_was_chosen(x: float, y: float, size: float, colour: tuple[int, ...]) -> None:
    bands = Image.new("RGB", (300, 100), GREEN)
    bands.paste(RED, (0, 0, 100, 100))
    bands.paste(BLUE, (200, 0, 300, 100))
    out = io.BytesIO()
    bands.save(out, "PNG")
    square = opened(crop_square(out.getvalue(), x=x, y=y, size=size))
    assert square.width == square.height == max(1, round(min(size, 100)))
    assert near(square.getpixel((square.width // 2, square.height // 2)), colour)


def test_pages_stand_below_each_other_in_their_order() -> None:
    strip = opened(stitch_pages([made(100, 50), made(200, 200, colour=BLUE), made(50, 100, colour=GREEN)]))
    assert strip.size == (200, 100 + 200 + 400)
    assert [near(strip.getpixel((100, y)), c) for y, c in ((50, RED), (200, BLUE), (500, GREEN))] == [True] * 3


def test_many_large_pages_still_fit() -> None:
    picture = stitch_pages([noise(200, 300) for _ in range(MOST_PAGES)], most_bytes=60_000)
    assert len(picture.content) <= 60_000


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 60,000 × 60,000 pixels."""
    content = bytearray(made(1, 1))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


REFUSED = {
    "empty": b"",
    "text": b"not a picture",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "pdf": b"%PDF-1.7",
    "tiff": made(5, 5, kind="TIFF"),
    "cut heic": made(64, 64, kind="HEIF")[:400],
    "heic of nothing": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
    "cut": made(300, 300, kind="JPEG")[:400],
    "cut png": noise(50, 50)[:2000],
    "large": made(5, 5) + b"x" * LARGEST_UPLOAD,
    "bomb": bomb(),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_what_is_no_picture_is_refused_at_its_field(content: bytes) -> None:
    for read in (fit_picture, crop_square, lambda page, field: stitch_pages([page, page], field=field)):
        with pytest.raises(Invalid) as refusal:
            read(content, field="licence")
        assert refusal.value.field == "licence"


def test_the_number_of_pages_is_limited() -> None:
    for count in (0, MOST_PAGES + 1):
        with pytest.raises(Invalid):
            stitch_pages([made(5, 5)] * count)
