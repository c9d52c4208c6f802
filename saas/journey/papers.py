"""Pictures that the journey's people have at hand: avatars, licences, certificates."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from saas.journey.window import Upload


def picture(name: str, *, width: int = 800, height: int = 600, colour: str = "#2f6f5e") -> Upload:
    """A PNG of this size with a frame, called `name`.png."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((8, 8, width - 9, height - 9), outline=colour, width=12)
    packed = io.BytesIO()
    image.save(packed, "PNG")
    return Upload(f"{name}.png", packed.getvalue())
