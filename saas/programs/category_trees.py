"""All service categories that a mini program could set, with the papers that each needs.

WeChat's list is long and the same for a kind of subject, so it is read once a week and kept per kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id, settle
from saas.errors import NotFound
from saas.programs.models import CategoryTree, Program
from saas.wx.client import WxClient

_AGE = timedelta(days=7)


@dataclass(frozen=True)
class Paper:
    """A qualification; `sample` is WeChat's picture of one, "" if it has none."""

    name: str
    sample: str


@dataclass(frozen=True)
class Category:
    """One that may be set: a second level below a first. One of the sets of papers is enough; none means no review."""

    first: int
    second: int
    names: tuple[str, str]
    sets: tuple[tuple[Paper, ...], ...]
    remark: str

    @property
    def name(self) -> str:
        return " / ".join(self.names)

    @property
    def papers(self) -> dict[str, Paper]:
        """All papers by name: the same one may stand in several sets."""
        return {paper.name: paper for papers in self.sets for paper in papers}


def find_tree(db: Session, program: Program) -> list[Category]:
    """All categories that this mini program could set, as they were last read; empty when nobody has read them yet."""
    return _categories(_row(db, program))


def _categories(tree: CategoryTree | None) -> list[Category]:
    """The second levels, in WeChat's order."""
    nodes = {node["id"]: node for node in (tree.nodes if tree else [])}
    return [
        Category(
            first["id"], node["id"], (first["name"], node["name"]), _sets(node),
            str((node.get("qualify") or {}).get("remark") or ""),
        )
        for first in nodes.values()
        if first.get("level") == 1
        for node in (nodes[child] for child in first.get("children") or [] if child in nodes)
    ]  # fmt: skip


def all_categories(db: Session) -> list[Category]:
    """Those of every list of the provider, each once: what some of its mini programs could set."""
    found: dict[tuple[int, int], Category] = {}
    for tree in db.scalars(select(CategoryTree).order_by(CategoryTree.id)):
        for one in _categories(tree):
            found.setdefault((one.first, one.second), one)
    return list(found.values())


def find_category(db: Session, program: Program, first: int, second: int) -> Category:
    """One of the tree; NotFound when this mini program could not set it."""
    found = next((one for one in find_tree(db, program) if (one.first, one.second) == (first, second)), None)
    if found is None:
        raise NotFound()
    return found


def search(categories: Sequence[Category], text: str) -> list[Category]:
    """Those in whose names or papers every word occurs."""
    words = text.casefold().split()
    return [
        one for one in categories if all(word in " ".join([*one.names, *one.papers]).casefold() for word in words)
    ]  # fmt: skip


def read_tree(db: Session, program: Program, client: WxClient) -> None:
    """Ask WeChat for the list, unless it was read lately."""
    tree = _row(db, program)
    if tree is not None and tree.read_at > clock.now() - _AGE:
        return
    settle(db)
    nodes = client.categories.getallcategories(program.appid)["categories_list"].get("categories") or []
    row = insert(CategoryTree).values(
        id=new_id(), created_at=clock.now(), provider_id=program.provider_id, component_id=program.component_id,
        kind=_kind(program), nodes=nodes, read_at=clock.now(),
    )  # fmt: skip
    newer = {name: row.excluded[name] for name in ("nodes", "read_at")}
    db.execute(row.on_conflict_do_update(index_elements=["component_id", "kind"], set_=newer))


def _row(db: Session, program: Program) -> CategoryTree | None:
    same = (CategoryTree.component_id == program.component_id, CategoryTree.kind == _kind(program))
    return db.scalar(select(CategoryTree).where(*same).execution_options(populate_existing=True))


def _kind(program: Program) -> str:
    """What the list depends on; a subject that nobody has read has a list of its own."""
    basic = program.profile.get("basic") or {}
    if "principal_type" not in basic:
        return program.appid
    return f"{basic['principal_type']}-{basic.get('customer_type', '')}"


def _sets(node: Mapping[str, Any]) -> tuple[tuple[Paper, ...], ...]:
    found = (node.get("qualify") or {}).get("exter_list") or []
    return tuple(
        tuple(Paper(str(one.get("name") or ""), str(one.get("url") or "")) for one in papers.get("inner_list") or [])
        for papers in found
        if papers.get("inner_list")
    )
