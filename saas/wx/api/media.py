"""Files that other calls name by a media id (素材管理)."""

from __future__ import annotations

from typing import Literal, TypedDict, cast

from saas.wx.chapter import Chapter, Download, Upload


class UploadedMedia(TypedDict, total=False):
    type: str
    media_id: str
    created_at: int


class AuditMedia(TypedDict, total=False):
    """The id's name has no underscore here."""

    type: str
    mediaid: str


class TemporaryVideo(TypedDict):
    """Videos come as an address instead of bytes."""

    video_url: str


class Video(TypedDict, total=False):
    """A permanent video, likewise."""

    title: str
    description: str
    down_url: str


class Media(Chapter):
    """Ids live three days and work only with the account that uploaded them: keep the file, upload right before use."""

    def upload(
        self,
        appid: str,
        *,
        media: Upload,
        type: Literal["image", "voice", "video", "thumb"] = "image",  # noqa: A002
    ) -> UploadedMedia:
        """Upload a temporary file, for avatar, name, category papers and audit feedback. Pictures up to 2 MB.

        Permission set 18 alone may answer 48001 or 61007.
        https://developers.weixin.qq.com/doc/service/api/material/temporary/api_uploadtempmedia
        """
        return self._write("uploadTempMedia", appid, into=UploadedMedia, query={"type": type}, files={"media": media})

    def get(self, appid: str, *, media_id: str) -> Download | TemporaryVideo:
        """Fetch a temporary file.

        https://developers.weixin.qq.com/doc/service/api/material/temporary/api_getmedia
        """
        return cast(
            "Download | TemporaryVideo",
            self._client.call("getMedia", appid, query={"media_id": media_id}, repeatable=True),
        )

    def get_material(self, appid: str, *, media_id: str) -> Download | Video:
        """Fetch permanent material: here the reviewer's screenshots, one id of the "|"-joined list at a time.

        MediaNotFound is common for them: a missing picture must not fail anything.
        https://developers.weixin.qq.com/doc/service/api/material/permanent/api_getmaterial
        """
        return cast(
            "Download | Video", self._client.call("getMaterial", appid, body={"media_id": media_id}, repeatable=True)
        )

    def uploadmedia(self, appid: str, *, media: Upload) -> AuditMedia:
        """Upload a picture (2 MB) or video (10 MB, MP4) for the preview of a submission. Not for feedback.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_uploadmediatocodeaudit
        """
        return self._write("uploadMediaToCodeAudit", appid, into=AuditMedia, files={"media": media})
