"""What is wrong with a page as people see it: it sticks out sideways, axe finds a fault, it speaks another language.

DAIBAN_SCREENSHOTS names a folder for pictures of every page.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.browser.chromium import ChromiumWindow

WIDTHS = (1280, 360)
_USUAL: dict[str, Any] = {"resultTypes": ["violations"]}
_STRICT = _USUAL | {"rules": {"target-size": {"enabled": True}}}  # of WCAG 2.2 AA, and off unless asked for


class Looks:
    """Examines pages in a window; what is wrong is collected in `faults`.

    `strict` leaves out no rule and no fault: what axe thinks little of counts, and so does the size of what is tapped.
    """

    def __init__(
        self, window: ChromiumWindow, axe: str, *, language: str = "zh_CN", width: int = 1280, strict: bool = False
    ) -> None:  # fmt: skip
        self.window, self._axe, self._language, self._width = window, axe, language, width
        self._strict = strict
        self.faults: list[str] = []

    def examine(self, name: str, address: str, status: int = 200) -> None:
        """Look at one page."""
        self.window.open(address, status=status)
        self._examine(name, self._width)

    def examine_here(self, name: str, widths: Sequence[int] = WIDTHS[::-1]) -> None:
        """Look at the page that stands in the window, in each of these widths; the last one stays."""
        page = self.window.page
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            self._examine(name, width)

    def _examine(self, name: str, width: int) -> None:
        page = self.window.page
        if (language := page.get_attribute("html", "lang")) != {"zh_CN": "zh-CN", "en": "en"}[self._language]:
            self.faults.append(f"{name}: speaks {language}, not {self._language}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            self.faults.append(f"{name}: sticks out by {wide} px at {width}")
        page.evaluate(self._axe)
        for fault in page.evaluate("options => axe.run(document, options)", _STRICT if self._strict else _USUAL)[
            "violations"
        ]:
            if self._strict or fault["impact"] in ("serious", "critical"):
                self.faults.append(f"{name}: {_described(fault)}")
        self._keep(name, width)

    def _keep(self, name: str, width: int) -> None:
        if folder := os.environ.get("DAIBAN_SCREENSHOTS"):
            path = Path(folder) / f"{name}-{width}-{self._language}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.window.page.screenshot(path=path, full_page=True)


def _described(fault: dict[str, Any]) -> str:
    node = fault["nodes"][0]
    return f"{fault['id']} ({fault['impact']}) at {node['target']}: {node['html'][:160]}"
