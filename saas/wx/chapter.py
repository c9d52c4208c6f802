"""What the chapters of WeChat's API share: how a method says what it calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict, TypeVar, cast

from saas.wx.contract.operations import Token
from saas.wx.errors import UnreadableAnswer

T = TypeVar("T")


class Done(TypedDict, total=False):
    """An answer that says no more than that it went well."""

    errcode: int
    errmsg: str


class CheckFile(TypedDict):
    """What a host must serve to show that it is ours."""

    file_name: str
    file_content: str


@dataclass(frozen=True)
class Upload:
    """A file to hand to WeChat. Only the ending of `filename` is sent, and it must fit the content."""

    filename: str
    content: bytes
    content_type: str


@dataclass(frozen=True)
class Download:
    """A file that WeChat answered; trust the content more than the type."""

    content: bytes
    content_type: str


class Caller(Protocol):
    """The one way out: `saas.wx.client.WxClient`."""

    @property
    def component_appid(self) -> str: ...

    def call(
        self,
        operation_id: str,
        appid: str | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, Upload] | None = None,
        token: Token | None = None,
        repeatable: bool,
    ) -> Any: ...


class Chapter:
    """The calls of one chapter of WeChat's documentation, bound to a client."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def _read(
        self,
        operation_id: str,
        appid: str | None = None,
        *,
        into: type[T],  # noqa: ARG002 - says the type of the answer
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        token: Token | None = None,
    ) -> T:
        """Ask for something: may be repeated without harm, so the client does so when WeChat is busy."""
        answer = self._client.call(operation_id, appid, query=query, body=body, token=token, repeatable=True)
        return cast("T", answer)

    def _write(
        self,
        operation_id: str,
        appid: str | None = None,
        *,
        into: type[T],  # noqa: ARG002 - says the type of the answer
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, Upload] | None = None,
        token: Token | None = None,
        only_reads: bool = False,
    ) -> T:
        """Change something: not repeated by the client, because WeChat may have counted the first try.

        `only_reads` is for calls that change or read according to their `action`.
        """
        answer = self._client.call(
            operation_id, appid, query=query, body=body, files=files, token=token, repeatable=only_reads
        )
        return cast("T", answer)

    def _download(
        self,
        operation_id: str,
        appid: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        counted: bool = False,
    ) -> Download:
        """Ask for a file; `counted` ones are not repeated when WeChat is busy."""
        answer = self._client.call(operation_id, appid, query=query, body=body, repeatable=not counted)
        if not isinstance(answer, Download):
            raise UnreadableAnswer(f"{operation_id}: JSON instead of a file", operation=operation_id, appid=appid)
        return answer
