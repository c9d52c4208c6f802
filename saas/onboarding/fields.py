"""What the five parts ask a merchant for. Fields and rules are those of the domains that the answers flow into; here
they only get one shape, so that one kind of page can show them.

A value stands under the name that its domain has for it, so what was accepted flows on without being translated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from saas.errors import N_, Invalid
from saas.onboarding.models import Part
from saas.pictures import MOST_PAGES
from saas.programs import certification_data, filing_fields
from saas.programs.appearance import LONGEST, read_introduction
from saas.programs.category_trees import Category
from saas.programs.certification_data import MERCHANT_PAYS, PERSON
from saas.programs.filing_checks import choices_of, find_faults, tidy
from saas.programs.filing_tables import Choices, Tables
from saas.programs.naming import WIDEST, read_name
from saas.programs.registration_checks import check_fact
from saas.programs.registration_kinds import KINDS
from saas.programs.registration_models import RegistrationKind

Values = Mapping[str, Any]
MOST_CATEGORIES = 5
KIND, CHOSEN, WISH, AVATAR = "kind", "categories", "wish", "avatar"


class Kind(StrEnum):
    """What a field holds; LIST is several choices, each of its own select."""

    TEXT = "text"
    AREA = "area"
    PHONE = "phone"
    EMAIL = "email"
    CHOICE = "choice"
    LIST = "list"
    YES_NO = "yes_no"
    PICTURE = "picture"
    VIDEO = "video"


@dataclass(frozen=True)
class Ask:
    """One field. `label`, `group` and `hint` are msgids; `most` is the length of a text or the number of files.

    `choices` are pairs of value and words under headings. `redraws`: other fields depend on it. `sample` is the address
    of WeChat's picture of such a paper.
    """

    name: str
    label: str
    kind: Kind
    page: str
    group: str = ""
    required: bool = False
    personal: bool = False
    most: int = 120
    hint: str = ""
    choices: Mapping[str, Choices] = field(default_factory=dict)
    redraws: bool = False
    sample: str = ""

    @property
    def is_file(self) -> bool:
        return self.kind in (Kind.PICTURE, Kind.VIDEO)

    def words(self, value: str) -> str:
        """A chosen value in words."""
        return next((words for some in self.choices.values() for one, words in some if one == value), value)


@dataclass(frozen=True)
class Ground:
    """What the fields depend on besides what was typed: WeChat's lists, and what is known already (`carried`)."""

    tables: Tables | None = None
    categories: Mapping[str, Category] = field(default_factory=dict)
    identities: Sequence[str] = ()
    carried: Values = field(default_factory=dict)


def _stripped(_name: str, text: str) -> str:
    return text.strip()


@dataclass(frozen=True)
class Form:
    """A part: its pages in order (msgids by key), its fields, and what is wrong with what was typed. A page holds texts
    or files, never both, so that no upload loses a text.
    """

    label: str
    lead: str
    pages: Mapping[str, str]
    asks: Callable[[Values, Ground], list[Ask]]
    faults: Callable[[Values, Ground], list[Invalid]]
    tidy: Callable[[str, str], str] = _stripped


# Company and legal person: the facts of a registration


_COMPANY_LABELS = {
    "name": N_("公司名称"), "company_code": N_("统一社会信用代码"), "person_name": N_("法人姓名"),
    "person_wechat": N_("法人微信号"),
}  # fmt: skip
_PERSON_LABELS = {"person_name": N_("本人姓名"), "person_wechat": N_("本人微信号")}
_COMPANY_HINTS = {
    "name": N_("与营业执照完全一致。个体工商户没有字号的，写“个体户”加经营者姓名。"),
    "company_code": N_("18 位，在营业执照上。"),
    "person_wechat": N_("不是手机号。在微信“我”的页面，头像旁边能看到。"),
}
_OF_PROVIDER = ("component_phone",)
_COMPANY_KINDS = (RegistrationKind.ENTERPRISE, RegistrationKind.PERSONAL)


def _company_kind(values: Values) -> RegistrationKind:
    personal = values.get(KIND) == RegistrationKind.PERSONAL
    return RegistrationKind.PERSONAL if personal else RegistrationKind.ENTERPRISE


def _company_facts(values: Values) -> list[str]:
    return [name for name in KINDS[_company_kind(values)].fields if name not in _OF_PROVIDER]


def _company_asks(values: Values, _ground: Ground) -> list[Ask]:
    kind = _company_kind(values)
    labels = _COMPANY_LABELS | (_PERSON_LABELS if kind is RegistrationKind.PERSONAL else {})
    return [
        Ask(
            KIND, N_("主体类型"), Kind.CHOICE, "facts", required=True, redraws=True, hint=KINDS[kind].hint,
            choices={"": [(one.value, KINDS[one].label) for one in _COMPANY_KINDS]},
        ),
        *(
            Ask(
                name, labels[name], Kind.TEXT, "facts", required=name in KINDS[kind].needs,
                personal=name.startswith("person_"), hint=_COMPANY_HINTS.get(name, ""),
            )
            for name in _company_facts(values)
        ),
    ]  # fmt: skip


def _company_faults(values: Values, _ground: Ground) -> list[Invalid]:
    kind = _company_kind(values)
    facts = [name for name in _company_facts(values) if values.get(name)]
    checks = [lambda name=name: check_fact(name, values[name], kind) for name in facts]
    return [*_unknown_choices(_company_asks(values, _ground), values), *_refused(*checks)]


# Wishes for name, avatar and introduction


def _profile_asks(_values: Values, _ground: Ground) -> list[Ask]:
    return [
        Ask(
            "name", N_("想用的名称"), Kind.TEXT, "wishes", required=True, most=WIDEST,
            hint=N_("4 到 30 个字符，一个汉字算 2 个。带品牌、地名、行业词的可能要另外提供证明。"),
        ),
        Ask(
            "introduction", N_("一句话介绍"), Kind.AREA, "wishes", required=True, most=LONGEST,
            hint=N_("4 到 120 个字，写清楚顾客能在小程序里做什么。"),
        ),
        Ask(
            AVATAR, N_("头像"), Kind.PICTURE, "pictures", required=True, most=1,
            hint=N_("招牌或商标的正方形图片最好；不是正方形的取正中一块。"),
        ),
    ]  # fmt: skip


def _profile_faults(values: Values, _ground: Ground) -> list[Invalid]:
    rules = {"name": read_name, "introduction": read_introduction}
    return _refused(*(lambda n=n, rule=rule: rule(values[n]) for n, rule in rules.items() if values.get(n)))


# Categories with the papers that WeChat asks for


def _category_asks(values: Values, ground: Ground) -> list[Ask]:
    wish = Ask(
        WISH, N_("您做什么生意"), Kind.AREA, "choice", required=not ground.categories, most=300,
        hint=N_("例如：奶茶店，门店自提和外卖；或者不确定选哪个类目时，把情况写在这里。"),
    )  # fmt: skip
    if not ground.categories:
        return [wish]
    choices: dict[str, Choices] = {}
    for key, category in ground.categories.items():
        choices.setdefault(category.names[0], []).append((key, category.names[1]))
    chosen = Ask(
        CHOSEN, N_("服务类目"), Kind.LIST, "choice", required=True, most=MOST_CATEGORIES, choices=choices,
        hint=N_("最多 5 个，第一个最重要。选好后，“资质照片”里会列出要上传什么。"),
    )  # fmt: skip
    return [chosen, wish, *_category_papers(values, ground)]


def paper_field(key: str, paper: str) -> str:
    """The name of the field for a category's paper; `key` is the category's, ``<first>-<second>``."""
    return f"{key}:{paper}"


def _category_papers(values: Values, ground: Ground) -> Iterator[Ask]:
    for key in values.get(CHOSEN) or ():
        category = ground.categories.get(key)
        if category is not None:
            several = len(category.sets) > 1
            for paper in category.papers.values():
                yield Ask(
                    paper_field(key, paper.name), paper.name, Kind.PICTURE, "pictures", group=category.name,
                    required=not several, most=MOST_PAGES, sample=paper.sample,
                    hint=_set_hint(category, paper.name) if several else "",
                )  # fmt: skip


def _set_hint(category: Category, paper: str) -> str:
    numbers = [n for n, papers in enumerate(category.sets) if paper in {one.name for one in papers}]
    return (
        _SETS[numbers[0]]
        if len(numbers) == 1 and numbers[0] < len(_SETS)
        else N_("几组材料里任选一组；这张不止一组用得上")
    )


_SETS = (N_("几组材料里任选一组：第 1 组"), N_("几组材料里任选一组：第 2 组"), N_("几组材料里任选一组：第 3 组"))


def _category_faults(values: Values, ground: Ground) -> list[Invalid]:
    chosen = values.get(CHOSEN) or []
    if len(set(chosen)) < len(chosen):
        return [Invalid(N_("有重复的选项"), field=CHOSEN)]
    if ground.categories and not set(chosen) <= set(ground.categories):
        return [Invalid(N_("请重新选择"), field=CHOSEN)]
    return []


def _half_sets(values: Values, files: Mapping[str, Sequence[str]], ground: Ground) -> list[Invalid]:
    """Where one of several sets of papers is enough: the next paper of the one that was begun."""
    found = []
    for key in values.get(CHOSEN) or ():
        category = ground.categories.get(key)
        sets = [[paper_field(key, paper.name) for paper in papers] for papers in category.sets] if category else []
        if len(sets) > 1 and not any(all(files.get(name) for name in names) for names in sets):
            begun = max(sets, key=lambda names: sum(bool(files.get(name)) for name in names))
            found.append(_missing(next(name for name in begun if not files.get(name))))
    return found


# Certification


_TEXT_KINDS = {
    "contact_email": Kind.EMAIL,
    "contact_mobile": Kind.PHONE,
    "company_phone": Kind.PHONE,
    "recipient_phone": Kind.PHONE,
}
_NOT_ASKED = ("pay_type", "service_appid", "third_party_phone")
"""What the provider decides and knows."""
_REDRAWING = ("customer_type", "account_name_type", "invoice_type")
_PAPER_PAGE = "papers"


def _certification_asks(values: Values, ground: Ground) -> list[Ask]:
    chosen = {name: values[name] for name in _REDRAWING if values.get(name)}
    needed = {one.field for one in certification_data.lacking(chosen, {})} | set(_REDRAWING)
    names = [name for name in certification_data.asked_for(values) if name not in _NOT_ASKED]
    if not ground.identities:
        names = [name for name in names if name != "identification"]
    asks = [_certification_ask(name, needed, ground) for name in names]
    if values.get("customer_type"):
        asks += [_certification_paper(name, needed | set(_identity_proof(values))) for name in _papers_of(values)]
    return asks


def _certification_ask(name: str, needed: set[str], ground: Ground) -> Ask:
    known = certification_data.FIELDS[name]
    choices = list((known.choices or {}).items())
    if name == "identification":
        choices = [(one, one) for one in ground.identities]
    return Ask(
        name, known.label, Kind.CHOICE if choices else _TEXT_KINDS.get(name, Kind.TEXT), known.part,
        required=name in needed, personal=known.personal, most=known.most, choices={"": choices} if choices else {},
        redraws=name in _REDRAWING,
    )  # fmt: skip


def _papers_of(values: Values) -> list[str]:
    if values["customer_type"] == PERSON:
        names = [certification_data.IDENTITY_PROOF] if values.get("identification") else []
    else:
        names = [certification_data.QUALIFICATION, certification_data.OTHERS]
    if values.get("account_name_type") == certification_data.TRADE_MARK:
        names.append(certification_data.NAME_PROOF)
    return names


def _identity_proof(values: Values) -> list[str]:
    return [certification_data.IDENTITY_PROOF] if values.get("identification") else []


def _certification_paper(name: str, needed: set[str]) -> Ask:
    most = MOST_PAGES if name == certification_data.QUALIFICATION else certification_data.MOST_PICTURES
    return Ask(
        name, certification_data.PAPERS[name], Kind.PICTURE, _PAPER_PAGE, required=name in needed, most=most
    )  # fmt: skip


def _certification_faults(values: Values, ground: Ground) -> list[Invalid]:
    texts = {name: str(values.get(name) or "") for name in certification_data.FIELDS if name not in _NOT_ASKED}
    found: list[Invalid] = []
    try:
        certification_data.refuse_faults(texts)
    except certification_data.Faults as faults:
        found += faults.errors
    if texts["account_name"]:
        for fault in _refused(lambda: read_name(texts["account_name"])):
            found.append(Invalid(fault.message, field="account_name", **fault.params))
    for one in certification_data.lacking({**texts, "pay_type": MERCHANT_PAYS}, {}):
        if one.why:
            found.append(Invalid(one.why, field=one.field))
    if ground.identities and texts["identification"] and texts["identification"] not in ground.identities:
        found.append(Invalid(N_("请选择列出的选项"), field="identification"))
    return found


# Filing


_FILING_KINDS = {
    filing_fields.Kind.AREA: Kind.AREA, filing_fields.Kind.MOBILE: Kind.PHONE, filing_fields.Kind.PHONE: Kind.PHONE,
    filing_fields.Kind.EMAIL: Kind.EMAIL, filing_fields.Kind.CHOICE: Kind.CHOICE,
    filing_fields.Kind.SERVICES: Kind.LIST, filing_fields.Kind.YES_NO: Kind.YES_NO,
    filing_fields.Kind.PICTURE: Kind.PICTURE, filing_fields.Kind.VIDEO: Kind.VIDEO,
}  # fmt: skip
_FILING_REDRAWING = (
    filing_fields.TYPE, filing_fields.PROVINCE, filing_fields.CITY, filing_fields.LEGAL, filing_fields.SAME,
)  # fmt: skip


def _filing_asks(values: Values, ground: Ground) -> list[Ask]:
    return [_filing_ask(one, dict(values), _tables(ground)) for one in filing_fields.fields_of(dict(values))]


def _filing_ask(one: filing_fields.Field, values: dict[str, Any], tables: Tables) -> Ask:
    kind = _FILING_KINDS.get(one.kind, Kind.TEXT)
    choices: Mapping[str, Choices] = {}
    if kind is Kind.CHOICE:
        choices = {"": choices_of(one, values, tables)}
    elif kind is Kind.LIST:
        choices = tables.services
    elif kind is Kind.YES_NO:
        choices = {"": [("yes", N_("是")), ("no", N_("否"))]}
    nothing_to_choose = kind is Kind.CHOICE and not choices[""]  # nobody has read WeChat's areas yet
    return Ask(
        one.path, one.label, kind, one.part, group=one.group, most=one.most, hint=one.hint, choices=choices,
        required=one.rule(values) is filing_fields.Need.REQUIRED and kind is not Kind.YES_NO and not nothing_to_choose,
        personal=one.is_personal(values),
        redraws=one.path in _FILING_REDRAWING
        or (kind is Kind.CHOICE and one.path.startswith(filing_fields.APPROVALS)),
    )  # fmt: skip


def _filing_faults(values: Values, ground: Ground) -> list[Invalid]:
    return find_faults(dict(values), _tables(ground))


def _tidy_filing(name: str, text: str) -> str:
    return tidy(filing_fields.BY_PATH[name], text)


def _tables(ground: Ground) -> Tables:
    assert ground.tables is not None
    return ground.tables


FORMS: dict[Part, Form] = {
    Part.COMPANY: Form(
        N_("主体与法人"), N_("照着营业执照填，微信会核对。"), {"facts": N_("主体信息")}, _company_asks, _company_faults,
    ),
    Part.PROFILE: Form(
        N_("名称、头像与简介"), N_("顾客在微信里看到的样子。"), {"wishes": N_("名称与介绍"), "pictures": N_("头像")},
        _profile_asks, _profile_faults,
    ),
    Part.CATEGORIES: Form(
        N_("服务类目与资质"), N_("您卖什么、提供什么服务，决定要哪些资质。"),
        {"choice": N_("服务类目"), "pictures": N_("资质照片")}, _category_asks, _category_faults,
    ),
    Part.CERTIFICATION: Form(
        N_("认证资料"), N_("微信认证用的资料，通过后小程序才完整可用。"),
        {
            certification_data.Part.BASICS: N_("基本信息"), certification_data.Part.CONTACT: N_("联系人"),
            certification_data.Part.INVOICE: N_("发票"), _PAPER_PAGE: N_("证明照片"),
        },
        _certification_asks, _certification_faults,
    ),
    Part.FILING: Form(
        N_("备案资料"), N_("工信部要求的备案，资料必须真实；提交后要短信核验，管局也可能来电核实。"),
        {part.value: part.label for part in filing_fields.Part}, _filing_asks, _filing_faults, _tidy_filing,
    ),
}  # fmt: skip


def gaps(part: Part, values: Values, files: Mapping[str, Sequence[str]], ground: Ground) -> list[Invalid]:
    """What still has to be given before the part can be handed in, at its fields."""
    found = [
        _missing(ask.name)
        for ask in FORMS[part].asks(values, ground)
        if ask.required and not (files if ask.is_file else values).get(ask.name)
    ]
    return found + (_half_sets(values, files, ground) if part is Part.CATEGORIES else [])


def _missing(name: str) -> Invalid:
    return Invalid(N_("请填写这一项"), field=name)


def _unknown_choices(asks: Sequence[Ask], values: Values) -> list[Invalid]:
    return [
        Invalid(N_("请重新选择"), field=ask.name)
        for ask in asks
        if ask.kind is Kind.CHOICE and values.get(ask.name) and ask.words(values[ask.name]) == values[ask.name]
    ]


def _refused(*checks: Callable[[], Any]) -> list[Invalid]:
    found = []
    for check in checks:
        try:
            check()
        except Invalid as fault:
            found.append(fault)
    return found
