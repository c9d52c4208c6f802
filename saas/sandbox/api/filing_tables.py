"""The code tables of the filing (备案): subjects, certificates, pre-approvals, kinds of service, districts."""

from __future__ import annotations

from typing import Any

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.districts import DISTRICTS, Area
from saas.wx.contract.operations import code_table


@plays("queryIcpSubjectTypes")
def query_subject_types(_call: Call) -> Answer:
    return {"items": _named("subject_types")}


@plays("queryIcpNrlxTypes")
def query_pre_approval_types(_call: Call) -> Answer:
    return {"items": _named("nrlx_types")}


@plays("queryIcpCertificateTypes")
def query_certificate_types(_call: Call) -> Answer:
    return {"items": code_table("certificate_types")}


@plays("queryIcpServiceContentTypes")
def query_service_content_types(_call: Call) -> Answer:
    items: list[dict[str, Any]] = []
    for parent in code_table("service_content_types"):
        items.append({"type": parent["type"], "parent_type": 0, "name": parent["name"]})
        children = parent["children"].items()
        items += [{"type": int(kind), "parent_type": parent["type"], "name": name} for kind, name in children]
    return {"items": items}


@plays("queryIcpDistrictCode")
def query_district_code(_call: Call) -> Answer:
    return {
        "items": [
            _area(1, province, [_area(2, city, [_area(3, district, None)])]) for province, city, district in DISTRICTS
        ]
    }


def _named(table: str) -> list[dict[str, Any]]:
    return [{"type": int(kind), "name": name} for kind, name in code_table(table).items()]


def _area(level: int, area: Area, inner: list[dict[str, Any]] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"type": level, "code": area[0], "name": area[1]}
    return found if inner is None else found | {"sub_list": inner}
