"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for top in ("saas", "jobs") for path in (ROOT / top).rglob("*.py") if "__pycache__" not in path.parts
)
# Mail programs know no style sheets and no content policy, so mails may style inline.
TEMPLATES = sorted(path for path in (ROOT / "saas" / "templates").rglob("*.html") if "mail" not in path.parts)
DOMAINS = ("tenants", "batches", "components", "programs", "releases", "trains", "billing")

# Real time is right here: the one source, the sandbox's own time, and waiting that nobody may move.
READS_REAL_TIME = {"saas/clock.py", "saas/embedded.py", "saas/supervisor.py", "saas/demo/demo.py"}
# Pages of the sandbox belong to the other party; it is a program of its own.
PRODUCT = [path for path in SOURCES if "sandbox" not in path.parts]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def calls(path: Path) -> Iterator[tuple[int, str, ast.Call]]:
    """Every call as line, dotted name of what is called, and the node."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func), node


def places(paths: list[Path], wrong: re.Pattern[str], allowed: set[str] = frozenset()) -> list[str]:
    return [
        f"{name(path)}:{line} {called}"
        for path in paths
        if name(path) not in allowed
        for line, called, _ in calls(path)
        if wrong.search(called)
    ]


def test_only_db_commits() -> None:
    wrong = re.compile(r"(^|\.)(db|session|connection|conn)\.commit$|\.(commit|rollback)$")
    found = places(PRODUCT, wrong, {"saas/db.py"})
    # `commit` is also WeChat's word for uploading code: a method of its client.
    assert [place for place in found if not re.search(r"(client|wechat|wx|code)\.commit$", place)] == []


def test_only_the_web_layer_touches_the_request() -> None:
    wrong = re.compile(r"\b(request|current_user|flash|session)\b")
    found = []
    for path in PRODUCT:
        if name(path).startswith("saas/web/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in ("flask", "flask_login"):
                found += [f"{name(path)}: {one.name}" for one in node.names if wrong.search(one.name)]
    assert found == []


def test_every_enqueued_name_is_a_job() -> None:
    from jobs import runner

    named = re.compile(r"(^|\.)enqueue(_for)?$")
    found: dict[str, str] = {}
    for path in PRODUCT:
        for line, called, node in calls(path):
            if named.search(called):
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and str(argument.value).startswith("jobs."):
                        found[str(argument.value)] = f"{name(path)}:{line}"
    faults = []
    for job, place in found.items():
        try:
            runner.find(job)
        except runner.UnknownJob as error:
            faults.append(f"{place}: {error}")
    assert faults == []


def test_every_text_that_looks_like_a_job_is_one() -> None:
    """Dotted names also hide in tables and constants."""
    looks = re.compile(r"jobs\.[a-z_]+\.[a-z_]+")
    faults = []
    for path in PRODUCT:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and looks.fullmatch(node.value):
                module, _, function = node.value.rpartition(".")
                try:
                    found = hasattr(importlib.import_module(module), function)
                except ModuleNotFoundError:
                    found = False
                if not found:
                    faults.append(f"{name(path)}:{node.lineno} {node.value}")
    assert faults == []


def test_the_door_is_the_only_way_from_an_id_to_an_object() -> None:
    wrong = re.compile(r"(^|\.)(db|session)\.(get|get_one)$")
    doors = {f"saas/{domain}/access.py" for domain in DOMAINS}
    assert places(PRODUCT, wrong, doors) == []


def test_time_comes_from_the_clock() -> None:
    wrong = re.compile(r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns|localtime|gmtime))$")
    assert places(PRODUCT, wrong, READS_REAL_TIME) == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 500


def test_package_files_stay_empty() -> None:
    assert [name(path) for path in SOURCES if path.name == "__init__.py" and path.read_text().strip()] == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc", "manager", "managers"}
    assert [name(path) for path in SOURCES if path.stem in drawers] == []


def test_services_never_take_a_request() -> None:
    faults = []
    for path in PRODUCT:
        if name(path).split("/")[1] not in DOMAINS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                faults += [f"{name(path)}:{node.lineno} {node.name}" for one in arguments if one.arg == "request"]
    assert faults == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_templates_obey_the_content_policy(path: Path) -> None:
    """No inline style, no handler attribute, no script without a source: the browser would refuse them."""
    text = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", "", path.read_text(), flags=re.DOTALL)
    assert re.findall(r"<[^>]*\sstyle\s*=", text) == []
    assert re.findall(r"<[^>]*\son[a-z]+\s*=", text) == []
    assert re.findall(r"<style\b", text) == []
    assert [tag for tag in re.findall(r"<script\b[^>]*>", text) if "src=" not in tag] == []
    assert re.findall(r"javascript:", text) == []
