"""Pictures that people upload, made fit for WeChat: recognised by content, upright, without metadata (place, camera),
within limits of bytes and pixels. What comes out is always a JPEG; transparent parts become white.

Functions with a `field` raise Invalid there for what is no picture that can be read.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import pillow_heif
from PIL import Image, ImageOps

from saas.errors import N_, Invalid

pillow_heif.register_heif_opener()
Image.init()  # Pillow loads most formats late, and not at all when only certain ones are allowed

LARGEST = 2 * 1024 * 1024
"""Bytes that WeChat takes for a picture everywhere."""
LARGEST_UPLOAD = 10 * 1024 * 1024
MOST_PIXELS = 60_000_000
"""What a phone may take; more is refused before it is unpacked."""
MOST_PAGES = 6
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "HEIF")  # HEIF: what iPhones take, as HEIC files
_OTHER_FILES = (
    (b"%PDF", N_("这是 PDF 文件，不是图片：请拍照或截图后上传")),
    (b"PK\x03\x04", N_("这是文档或压缩包，不是图片：请拍照或截图后上传")),
)
"""What people take for a picture, whatever its name says."""
_NO_FILMS = (
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"miaf", b"avif",
    b"avis", b"crx ", b"M4A ", b"M4B ",
)  # fmt: skip
"""Brands of pictures and sounds that lie in the same container as films."""
_LONGEST = 4096
_PAGE_WIDTH = 1600
_LONGEST_STRIP = 10_000
_QUALITIES = (90, 80, 70)
_SHRINK = 0.8


def picture_type(content: bytes) -> str:
    """What a picture is by its first bytes; "" when it is none. What anybody says about it does not count."""
    return next((kind for start, kind in _SIGNATURES if content.startswith(start)), "")


def is_film(content: bytes) -> bool:
    """Whether its first bytes are those of an MP4 or QuickTime film, and of no picture in the same container."""
    return content[4:8] == b"ftyp" and content[8:12] not in _NO_FILMS


@dataclass(frozen=True)
class Picture:
    """A JPEG that WeChat takes."""

    content: bytes
    width: int
    height: int
    content_type: str = "image/jpeg"
    ending: str = "jpg"


def fit_picture(content: bytes, *, field: str = "", most_bytes: int = LARGEST, longest: int = _LONGEST) -> Picture:
    """The whole picture, its longer side at most `longest` pixels."""
    return _pack(_open(content, field, longest), most_bytes, longest)


def crop_square(
    content: bytes, *, x: float = 50, y: float = 50, size: float = 100, field: str = "", most_bytes: int = LARGEST,
    longest: int = 1024,
) -> Picture:  # fmt: skip
    """A square of it. `size` is its side in percent of the picture's shorter side; `x` and `y` say in percent where it
    lies: 0 at the left or the top, 50 in the middle, 100 at the right or the bottom.
    """
    image = _open(content, field, round(longest * 100 / max(size, 1)))
    side = max(1, round(min(image.size) * min(max(size, 1), 100) / 100))
    left, top = (
        round((whole - side) * min(max(share, 0), 100) / 100)
        for whole, share in zip(image.size, (x, y), strict=True)
    )  # fmt: skip
    return _pack(image.crop((left, top, left + side, top + side)), most_bytes, longest)


def stitch_pages(contents: Sequence[bytes], *, field: str = "", most_bytes: int = LARGEST) -> Picture:
    """Several pages below each other in one picture, all of the same width; a single page stays as it is."""
    if not 1 <= len(contents) <= MOST_PAGES:
        raise Invalid(N_("请上传 1 到 %(most)d 页"), field=field, most=MOST_PAGES)
    if len(contents) == 1:
        return fit_picture(contents[0], field=field, most_bytes=most_bytes)
    pages = [_open(content, field, _LONGEST) for content in contents]
    width = min(_PAGE_WIDTH, max(page.width for page in pages))
    pages = [page.resize((width, max(1, round(page.height * width / page.width)))) for page in pages]
    strip = Image.new("RGB", (width, sum(page.height for page in pages)), "white")
    top = 0
    for page in pages:
        strip.paste(page, (0, top))
        top += page.height
    return _pack(strip, most_bytes, _LONGEST_STRIP)


def _open(content: bytes, field: str, longest: int) -> Image.Image:
    """Upright and opaque; already made smaller where that saves unpacking all of it."""
    if len(content) > LARGEST_UPLOAD:
        raise Invalid(N_("图片太大，最大 %(most)d MB"), field=field, most=LARGEST_UPLOAD // 1024 // 1024)
    if not content:
        raise Invalid(N_("文件是空的，请重新选择"), field=field)
    for start, message in _OTHER_FILES:
        if content.startswith(start):
            raise Invalid(message, field=field)
    if is_film(content):
        raise Invalid(N_("这是视频，不是图片：请拍照后上传"), field=field)
    try:
        image: Image.Image = Image.open(io.BytesIO(content), formats=_FORMATS)
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        image.draft("RGB", (longest, longest))
        image.load()
        image = ImageOps.exif_transpose(image)
        return _opaque(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Invalid(N_("图片的像素太多，请缩小后再上传"), field=field) from None
    except Exception as error:  # a broken picture may break its decoder anywhere
        raise Invalid(N_("不是能读的图片，请上传 JPG、PNG、HEIC、GIF、BMP 或 WebP"), field=field) from error


def _opaque(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _pack(image: Image.Image, most_bytes: int, longest: int) -> Picture:
    """First the sides, then the quality, then the sides again until the bytes fit."""
    image.thumbnail((longest, longest))
    image.info.clear()
    while True:
        for quality in _QUALITIES:
            packed = io.BytesIO()
            image.save(packed, "JPEG", quality=quality, optimize=True)
            if packed.tell() <= most_bytes or max(image.size) == 1:
                return Picture(packed.getvalue(), *image.size)
        image = image.resize((max(1, int(image.width * _SHRINK)), max(1, int(image.height * _SHRINK))))
