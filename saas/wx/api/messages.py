"""Customer-service messages, as far as the full-network release check needs them (客服消息)."""

from __future__ import annotations

from saas.wx.chapter import Chapter, Done


class Messages(Chapter):
    """Text to a person who has just written."""

    def send(self, appid: str, *, touser: str, content: str) -> Done:
        """Send a text message. Allowed 5 times within 48 hours of the person's last message.

        https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/operation/thirdparty/releases_instructions
        """
        body = {"touser": touser, "msgtype": "text", "text": {"content": content}}
        return self._write("sendCustomMessage", appid, into=Done, body=body)
