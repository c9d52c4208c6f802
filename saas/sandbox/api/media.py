"""Files (素材)."""

from __future__ import annotations

from saas.sandbox.api.registry import Answer, Call, Picture, plays
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, insert, one, random_text

MEDIA_SECONDS = 3 * 86400
_MB = 1024 * 1024
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png", "image"),
    (b"\xff\xd8\xff", "image/jpeg", "image"),
    (b"GIF8", "image/gif", "image"),
)
_SUFFIXES = {"image/png": (".png",), "image/jpeg": (".jpg", ".jpeg"), "image/gif": (".gif",), "video/mp4": (".mp4",)}
_LIMITS = {"image": 2 * _MB, "video": 10 * _MB, "voice": 2 * _MB, "thumb": 64 * 1024}


@plays("uploadTempMedia", invalid={"type": 40004})
def upload_temp_media(call: Call) -> Answer:
    kind = call.query["type"]
    media_id = keep_upload(call, "temporary", {"image": "image", "thumb": "image"}.get(kind, kind), _LIMITS[kind])[0]
    return {"type": kind, "media_id": media_id, "created_at": int(call.now)}


@plays("getMedia")
def get_media(call: Call) -> Answer:
    """A picture comes as it is, a video as its address."""
    media = find_media(call, call.query["media_id"], "temporary")
    if media["kind"] == "video":
        return {"video_url": f"{call.world.public_url}/media/{media['id']}.mp4"}
    return _picture(media)


@plays("getMaterial")
def get_material(call: Call) -> Answer:
    return _picture(find_media(call, call.body["media_id"], "material"))


@plays("uploadMediaToCodeAudit")
def upload_media_to_code_audit(call: Call) -> Answer:
    media_id, kind = keep_upload(call, "audit", "", 0)
    return {"type": kind, "mediaid": media_id}


def keep_upload(call: Call, store: str, wanted: str, limit: int) -> tuple[str, str]:
    """Check the file of the form field `media` and keep it; answers its id and kind."""
    upload = call.files.get("media")
    if upload is None:
        raise Refused(41005)
    content = upload.read()
    content_type, kind = _recognise(content)
    suffixes = _SUFFIXES.get(content_type, ())
    name = (upload.filename or "").lower()
    if not content or (suffixes and not name.endswith(suffixes)) or (wanted == "image" and kind != "image"):
        raise Refused(40005)
    if not wanted and kind not in ("image", "video"):
        raise Refused(40005)
    if len(content) > (limit or _LIMITS[kind]):
        raise Refused(40006)
    media_id = random_text(64)
    insert(
        call.db,
        "media",
        id=media_id,
        account=call.appid,
        store=store,
        kind=kind,
        content_type=content_type,
        content=content,
        created_at=call.now,
    )
    return media_id, kind


def _recognise(content: bytes) -> tuple[str, str]:
    for magic, content_type, kind in _MAGIC:
        if content.startswith(magic):
            return content_type, kind
    if content[4:8] == b"ftyp":
        return "video/mp4", "video"
    return "application/octet-stream", "other"


def find_media(call: Call, media_id: str, store: str) -> Row:
    """A file of the calling mini program that is still kept; refused (40007) when there is none."""
    media = one(call.db, "select * from media where id = ? and account = ? and store = ?", media_id, call.appid, store)
    if media is None or (store == "temporary" and media["created_at"] < call.now - MEDIA_SECONDS):
        raise Refused(40007)
    return media


def _picture(media: Row) -> Answer:
    return Picture(media["content"], media["content_type"])
