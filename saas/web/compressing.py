"""Texts go over the wire compressed, because a merchant's phone may have a slow line."""

from __future__ import annotations

import gzip
import io
import secrets
import string

from flask import Flask, Response, request

_TYPES = ("text/", "application/javascript", "application/json", "image/svg+xml")
_SMALL, _LARGE = 1000, 4 * 1024 * 1024
"""Bytes: below, a compressed answer gains nothing; above, it is no page."""
_LEVEL = 5
_MOST_PADDING = 100


def compress_texts(app: Flask) -> None:
    """Compress what the browser takes compressed. Call it before the other parts, so that it sees finished answers."""

    @app.after_request
    def compress(response: Response) -> Response:
        if not _is_text(response):
            return response
        response.vary.add("Accept-Encoding")
        if not request.accept_encodings["gzip"]:
            return response
        from_disk = response.direct_passthrough
        response.direct_passthrough = False
        response.set_data(_packed(response.get_data(), padding=0 if from_disk else secrets.randbelow(_MOST_PADDING)))
        response.headers["Content-Encoding"] = "gzip"
        if tag := response.get_etag()[0]:
            response.set_etag(tag, weak=True)
        return response


def _is_text(response: Response) -> bool:
    """Whether it is a whole text of a fitting size; a file's size is known before it is read."""
    is_whole = response.status_code not in (204, 206, 304) and (
        response.direct_passthrough or not response.is_streamed
    )  # fmt: skip
    return (
        is_whole
        and (response.mimetype or "").startswith(_TYPES)
        and "Content-Encoding" not in response.headers
        and _SMALL <= (response.content_length or 0) <= _LARGE
    )


def _packed(content: bytes, *, padding: int) -> bytes:
    """Compressed, with a name of random length in front: otherwise the size of a page would tell, guess by guess, what
    is secret in it (the BREACH attack).
    """
    name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(padding))
    packed = io.BytesIO()
    with gzip.GzipFile(filename=name, mode="wb", compresslevel=_LEVEL, fileobj=packed, mtime=0) as stream:
        stream.write(content)
    return packed.getvalue()
