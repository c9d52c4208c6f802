"""Somebody who breaks things at random, by dice whose seed is known: kills processes of a demo, spoils what WeChat
answers and pushes, and decides as reviewers do."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx2

from saas.sandbox.control import SandboxControl, SandboxRefused
from tests.demo.running import RunningDemo
from tests.soak.fleet import Fleet

KILLED = {"worker-1": 6, "worker-2": 6, "cron": 3, "web": 4, "valkey": 4, "postgres": 5}
"""How often each process is chosen, beside the others."""
ERRCODES = {
    "*": (-1, 45011),
    "commit": (-1, 40001, 9402202),
    "submitAudit": (-1, 61039, 45009, 85085),
    "getAuditStatus": (-1, 45011),
    "release": (-1, 45011),
}
"""What WeChat is made to answer: what passes by itself, and what a person would have to look at."""
COUNTED = ("commit", "submitAudit", "release")
_HANGS, _SLOW = 12.0, (0.5, 4.0)
_SPOILT_EVERY = (0.5, 4.0)
TOLD = {"told": 70, "lost": 8, "drop": 4, "duplicate": 8, "reorder": 6, "forge": 4}
"""How often the reviewers' decisions are told rightly, and what happens to the others."""


class Chaos:
    """`with Chaos(…) as chaos:` breaks things until the block ends; afterwards nothing is broken any more."""

    def __init__(self, demo: RunningDemo, fleet: Fleet, *, seed: int, pauses: tuple[float, float]) -> None:
        self._demo, self._fleet, self._pauses = demo, fleet, pauses
        self._killing, self._spoiling = random.Random(seed), random.Random(seed + 1)
        self._over = threading.Event()
        self.kills: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._kill, self._spoil)]

    def __enter__(self) -> Chaos:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        with SandboxControl(self._demo.sandbox_url) as control:
            control.clear_faults()

    def _kill(self) -> None:
        dice = self._killing
        while not self._over.wait(dice.uniform(*self._pauses)):
            name = dice.choices(list(KILLED), list(KILLED.values()))[0]
            if name == "valkey" and dice.random() < 0.5:
                for path in (self._demo.home / "valkey").iterdir():
                    _forget(path)
                name, victim = "valkey, emptied", name
            else:
                victim = name
            if self._demo.hurt(victim):
                self.kills[name] += 1

    def _spoil(self) -> None:
        dice = self._spoiling
        with SandboxControl(self._demo.sandbox_url) as control:
            while not self._over.wait(dice.uniform(*_SPOILT_EVERY)):
                with suppress(httpx2.HTTPError, SandboxRefused):
                    self.faults[self._spoil_one(control, dice)] += 1

    def _spoil_one(self, control: SandboxControl, dice: random.Random) -> str:
        kind = dice.choice(("errcode", "errcode", "slow", "hang", "cut", "cut"))
        counted = dice.choice(COUNTED)
        if kind == "errcode":
            operation = dice.choice(list(ERRCODES))
            control.fail_next(operation, dice.choice(ERRCODES[operation]))
        elif kind == "slow":
            control.slow_next(counted, dice.uniform(*_SLOW))
        elif kind == "hang":
            control.hang_next(counted, _HANGS)
        else:
            control.cut_next(counted)
        return kind


class Reviewers:
    """They look at every audit in its turn; whether we are told of it, and how, is left to the dice.

    `fate` of a mini program is the list of its verdicts; the last one holds for whatever is submitted further.
    """

    def __init__(self, demo: RunningDemo, component_appid: str, fate: Callable[[str], list[str]], *, seed: int) -> None:
        self._demo, self._component_appid, self._fate = demo, component_appid, fate
        self._dice = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._review, daemon=True)
        self.told: Counter[str] = Counter()

    def __enter__(self) -> Reviewers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _review(self) -> None:
        with SandboxControl(self._demo.sandbox_url) as control:
            while not self._over.wait(0.5):
                with suppress(httpx2.HTTPError, SandboxRefused):
                    self._look(control)

    def _look(self, control: SandboxControl) -> None:
        earlier: Counter[str] = Counter()
        for audit in reversed(control.audits(component_appid=self._component_appid)):
            appid, number = audit["account"], earlier[audit["account"]]
            earlier[appid] += 1
            if audit["status"] not in (2, 4):
                continue
            verdicts = self._fate(appid)
            verdict = verdicts[min(number, len(verdicts) - 1)]
            told = self._tell(control)
            if verdict == "reject":
                control.reject(audit["id"], push=told)
            elif verdict == "delay" and audit["status"] == 2:
                control.delay(audit["id"], push=told)
            else:
                control.approve(audit["id"], push=told)

    def _tell(self, control: SandboxControl) -> bool:
        how = self._dice.choices(list(TOLD), list(TOLD.values()))[0]
        self.told[how] += 1
        spoil = {
            "drop": control.drop_pushes, "duplicate": control.duplicate_pushes, "forge": control.forge_pushes,
            "reorder": control.reorder_pushes,
        }  # fmt: skip
        if how in spoil:
            spoil[how](self._component_appid)
        return how != "lost"


class Visitor:
    """Somebody who keeps a page open: it may fail while things are broken, but never for good."""

    def __init__(self, client: httpx2.Client, path: str) -> None:
        self._client, self._path = client, path
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.answers: Counter[str] = Counter()

    def __enter__(self) -> Visitor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(1.0):
            try:
                self.answers[str(self._client.get(self._path).status_code)] += 1
            except httpx2.HTTPError:
                self.answers["none"] += 1
                time.sleep(0.5)


def _forget(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    elif path.suffix in (".rdb", ".aof"):
        path.unlink(missing_ok=True)
