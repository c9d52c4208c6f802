"""Small pictures that the sandbox draws itself: avatars, screenshots, QR codes."""

from __future__ import annotations

import io

import segno
from PIL import Image, ImageDraw

_SHOT = (360, 640)


def qr_png(content: str, *, scale: int = 6) -> bytes:
    buffer = io.BytesIO()
    segno.make(content, error="m").save(buffer, kind="png", scale=scale, border=3)
    return buffer.getvalue()


def qr_svg(content: str) -> str:
    """For pages: an inline SVG that scales."""
    svg: str = segno.make(content, error="m").svg_inline(scale=4, border=2, omitsize=True)
    return svg


def avatar_png(hue: int, *, size: int = 132) -> bytes:
    """A cup on a coloured ground: every mini program has its own colour."""
    image = Image.new("RGB", (size, size), f"hsl({hue}, 55%, 52%)")
    draw = ImageDraw.Draw(image)
    unit = size / 12
    draw.ellipse((8.1 * unit, 4.6 * unit, 10.1 * unit, 7.2 * unit), outline="white", width=round(unit * 0.7))
    draw.rounded_rectangle((3 * unit, 4 * unit, 8.6 * unit, 9 * unit), radius=unit * 1.4, fill="white")
    draw.rectangle((3 * unit, 4 * unit, 8.6 * unit, 5.4 * unit), fill="white")
    return _png(image)


def cropped_png(content: bytes, box: tuple[float, float, float, float], *, size: int = 132) -> bytes:
    """The part of a picture inside `box` (left, top, right, bottom as shares), made square. Raises OSError."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    left, top, right, bottom = box
    pixels = (left * image.width, top * image.height, right * image.width, bottom * image.height)
    return _png(image.resize((size, size), box=pixels))


def paper_png() -> bytes:
    """A sample of a licence: a frame, lines, a seal."""
    image = Image.new("RGB", (420, 300), "#fdfbf4")
    draw = ImageDraw.Draw(image)
    draw.rectangle((14, 14, 406, 286), outline="#b08d4c", width=4)
    draw.rectangle((140, 44, 280, 60), fill="#8a6a2f")
    for row in range(5):
        draw.rectangle((50, 96 + row * 30, 300 - row * 24, 106 + row * 30), fill="#d8d2c2")
    draw.ellipse((300, 190, 370, 260), outline="#c8362b", width=5)
    return _png(image)


def screenshot_png(number: int) -> bytes:
    """What a reviewer attaches: a page with the faulty place framed in red."""
    image = Image.new("RGB", _SHOT, "#f4f5f7")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 360, 64), fill="#2f7d57")
    for row in range(6):
        top = 84 + row * 88
        draw.rounded_rectangle((16, top, 344, top + 72), radius=10, fill="white")
        draw.rounded_rectangle((28, top + 12, 76, top + 60), radius=8, fill=f"hsl({row * 50}, 45%, 75%)")
        draw.rectangle((92, top + 18, 240, top + 30), fill="#c9ccd1")
        draw.rectangle((92, top + 42, 190, top + 52), fill="#e1e3e6")
    top = 78 + (number % 6) * 88
    draw.rectangle((10, top, 350, top + 84), outline="#e5484d", width=4)
    return _png(image)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
