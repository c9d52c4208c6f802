"""Filling in what a certification asks for: in templates, drafts, and certifications that were sent back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.orm import Session

from saas.errors import N_, Invalid, NotFound
from saas.pictures import fit_picture, stitch_pages
from saas.programs.certification_data import (
    FIELDS,
    MOST_PICTURES,
    PAPERS,
    QUALIFICATION,
    Faults,
    Part,
    asked_for,
    refuse_faults,
)
from saas.programs.certification_models import Certification, CertificationTemplate, Filled, IdentityTree
from saas.programs.changing import keep_picture
from saas.programs.models import Program
from saas.programs.naming import read_name
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.stored_files import drop_file, load_file


@dataclass(frozen=True)
class Filling:
    """One part of the form as it was sent. An empty personal field keeps what is stored, since screens never show it
    whole; `clear` empties them all. `pictures` are new ones by field, `removed` ids of files to take away.
    """

    part: Part
    values: Mapping[str, str]
    clear: bool = False
    pictures: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    removed: Collection[str] = ()


def fill(db: Session, filled: Filled, filling: Filling, *, who: Who) -> None:
    """Keep one part; raises Faults or Invalid at the field, and keeps nothing then."""
    values = filled.values
    for name, value in filling.values.items():
        text = value.strip()
        if text or not FIELDS[name].personal or filling.clear:
            values[name] = text
    if filling.part is Part.INVOICE:
        wanted = asked_for(values)
        values = {name: v for name, v in values.items() if FIELDS[name].part is not Part.INVOICE or name in wanted}
    _refuse(values)
    before, papers = all_papers(filled), _papers(db, filled, filling, who)
    filled.values, filled.papers = values, papers
    db.flush()
    drop_unused(db, set(before) - set(all_papers(filled)))


def _refuse(values: Mapping[str, str]) -> None:
    refuse_faults(values)
    if values.get("account_name"):
        try:
            read_name(values["account_name"])
        except Invalid as error:
            raise Faults([Invalid(error.message, field="account_name", **error.params)]) from error


def _papers(db: Session, filled: Filled, filling: Filling, who: Who) -> dict[str, list[str]]:
    papers = {
        name: [one for one in filled.papers.get(name, []) if one not in filling.removed] for name in PAPERS
    }  # fmt: skip
    fitted = []
    for name, contents in filling.pictures.items():
        if name == QUALIFICATION and contents:
            papers[name] = []
            fitted.append((name, stitch_pages(contents, field=name)))
        elif len(papers[name]) + len(contents) > MOST_PICTURES:
            raise Invalid(N_("最多 %(most)d 张"), field=name, most=MOST_PICTURES)
        else:
            fitted += [(name, fit_picture(content, field=name)) for content in contents]
    for name, picture in fitted:
        papers[name].append(keep_picture(db, who.provider_id, "certification", picture, name))
    return {name: files for name, files in papers.items() if files}


def drop_unused(db: Session, file_ids: Collection[str]) -> None:
    """Forget pictures that no template and no certification has any more: copies share them."""
    for file_id in file_ids:
        used = db.scalar(
            select(
                or_(
                    *(
                        select(model.id).where(cast(model.papers, Text).contains(file_id)).exists()
                        for model in (CertificationTemplate, Certification)
                    )
                )
            )
        )
        if not used:
            try:
                drop_file(db, load_file(db, UUID(file_id)))
            except (NotFound, ValueError):
                continue


def all_papers(filled: Filled) -> list[str]:
    """The ids of all its pictures."""
    return [file_id for files in filled.papers.values() for file_id in files]


def reveal_personal(db: Session, filled: Certification | CertificationTemplate, *, who: Who) -> dict[str, str]:
    """Personal data whole, for a person who has to see it; the activity log keeps who looked."""
    require(who, Verb.WORK)
    values = filled.values
    activity.record(db, who, "certification.personal.view", filled)
    return {name: values[name] for name, one in FIELDS.items() if one.personal and values.get(name)}


def fill_identity(filled: Filled, name: str, tree: IdentityTree | None) -> None:
    """What the person is certified as: the name of a leaf of WeChat's tree, "" for nothing."""
    leaves = {way[-1]["name"] for way in _ways(tree.nodes, ()) if not way[-1]["children"]} if tree else set()
    if name and name not in leaves:
        raise Invalid(N_("请选择列出的选项"), field="identification")
    filled.values = {**filled.values, "identification": name}


def find_identities(db: Session, program: Program | None) -> IdentityTree | None:
    """The tree that this mini program's component app was told; for a template the newest of the provider."""
    query = select(IdentityTree).order_by(IdentityTree.read_at.desc()).limit(1)
    return db.scalar(query if program is None else query.where(IdentityTree.component_id == program.component_id))


@dataclass(frozen=True)
class Place:
    """Where somebody stands in the tree of identities: the way there, and what lies below."""

    path: tuple[dict[str, Any], ...]
    nodes: Sequence[dict[str, Any]]

    @property
    def leaf(self) -> dict[str, Any] | None:
        return self.path[-1] if self.path and not self.nodes else None


def place_in(tree: IdentityTree, node_id: str) -> Place:
    """The place of a node; the top for an id that is not there."""
    for path in _ways(tree.nodes, ()):
        if path[-1]["id"] == node_id:
            return Place(path, path[-1]["children"])
    return Place((), tree.nodes)


def _ways(nodes: Sequence[dict[str, Any]], above: tuple[dict[str, Any], ...]) -> Iterator[tuple[dict[str, Any], ...]]:
    for node in nodes:
        here = (*above, node)
        yield here
        yield from _ways(node["children"], here)
