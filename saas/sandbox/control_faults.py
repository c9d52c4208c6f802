"""Faults on demand, over HTTP: what the next calls answer and what happens to the next pushes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


class FaultControl(ABC):
    """Operations are named by the contract's operationId, `*` means any; without `appid` it is whoever calls next."""

    @abstractmethod
    def _post(self, path: str, given: Mapping[str, Any]) -> Json: ...

    def fail_next(self, operation: str, errcode: int, times: int = 1, *, appid: str = "", errmsg: str = "") -> None:
        """The next calls of an operation (or of `*`) answer this errcode."""
        self._fault(operation, "errcode", times, appid, errcode=errcode, errmsg=errmsg)

    def slow_next(self, operation: str, seconds: float, times: int = 1, *, appid: str = "") -> None:
        """The next calls take so much longer."""
        self._fault(operation, "latency", times, appid, seconds=seconds)

    def hang_next(self, operation: str, seconds: float = 90, times: int = 1, *, appid: str = "") -> None:
        """The next calls are not done and not answered."""
        self._fault(operation, "timeout", times, appid, seconds=seconds)

    def cut_next(self, operation: str, times: int = 1, *, appid: str = "") -> None:
        """The next calls are done, but their answers break off."""
        self._fault(operation, "cut", times, appid)

    def drop_pushes(self, component_appid: str, n: int = 1, *, event: str = "*") -> None:
        self._push_fault(component_appid, "drop", n, event)

    def duplicate_pushes(self, component_appid: str, n: int = 1, *, event: str = "*") -> None:
        self._push_fault(component_appid, "duplicate", n, event)

    def reorder_pushes(self, component_appid: str, n: int = 2, *, event: str = "*") -> None:
        """The next n pushes are held until the last of them, then sent backwards."""
        self._push_fault(component_appid, "reorder", n, event)

    def forge_pushes(self, component_appid: str, n: int = 1, *, event: str = "*") -> None:
        """The next n pushes carry a wrong signature."""
        self._push_fault(component_appid, "forge", n, event)

    def clear_faults(self) -> None:
        self._post("faults/clear", {})

    def _fault(self, operation: str, kind: str, times: int, appid: str, **values: Any) -> None:
        self._post("faults", {"operation": operation, "kind": kind, "times": times, "appid": appid, **values})

    def _push_fault(self, component_appid: str, kind: str, times: int, event: str) -> None:
        self._post("push_faults", {"component_appid": component_appid, "kind": kind, "times": times, "event": event})
