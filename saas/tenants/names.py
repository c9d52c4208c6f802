"""What people call themselves and their companies: cleaned, checked, and turned into addresses."""

from __future__ import annotations

import re
import secrets
import unicodedata

from email_validator import EmailNotValidError, validate_email

from saas.errors import N_, Invalid

RESERVED_SLUGS = frozenset(
    """
    about account accounts admin api app assets auth billing blog cdn daiban docs help home internal login logout m mail
    mails me merchant merchants new null operator p pay platform privacy provider providers public root security
    settings sign-in sign-out sign-up static status support system terms undefined user users wechat weixin www wx
    """.split()  # noqa: SIM905 - readable as lines
)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,28}[a-z0-9])")
_MERCHANT_PAGE = re.compile(r"/m/([a-z0-9][a-z0-9-]*)(?:/|$|\?)")
_ADDRESS = re.compile(r"://|www\.|\b[\w-]+\.(?:com|cn|net|top|xyz|vip|cc|org|shop|site)\b", re.IGNORECASE)


def clean_email(value: str, *, field: str = "email") -> str:
    """The address in lower case; raises Invalid."""
    try:
        found = validate_email(value.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise Invalid(N_("邮箱格式不正确"), field=field) from None
    return found.normalized.lower()


def clean_name(value: str, *, field: str, at_most: int = 50) -> str:
    """A name on one line without invisible characters; raises Invalid.

    Names stand in mails to strangers, so a name that carries a web address is refused: it would make us send spam.
    """
    name = one_line(value)
    if not name:
        raise Invalid(N_("请填写这一项"), field=field)
    if len(name) > at_most:
        raise Invalid(N_("不能超过 %(max)d 个字符"), field=field, max=at_most)
    if _ADDRESS.search(name):
        raise Invalid(N_("名称里不能包含网址"), field=field)
    return name


def one_line(value: str) -> str:
    """What can be seen of a text, on one line."""
    visible = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in unicodedata.normalize("NFC", value)
        if unicodedata.category(letter) != "Cf"
    )
    return " ".join(visible.split())


def check_slug(slug: str, *, field: str = "slug") -> str:
    """A chosen address name; raises Invalid."""
    slug = slug.strip().lower()
    if not _SLUG.fullmatch(slug) or "--" in slug:
        raise Invalid(N_("3 到 30 个字符，只能用小写字母、数字和短横线，且以字母或数字开头和结尾"), field=field)
    if slug in RESERVED_SLUGS:
        raise Invalid(N_("这个网址标识不能使用，请换一个"), field=field)
    return slug


def slug_from(name: str) -> str:
    """An address name from the ASCII letters of a name; a random one when there are too few of them."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:24].strip("-")
    if len(slug) < 3 or slug in RESERVED_SLUGS:
        return f"{slug}-{random_tail()}".lstrip("-") if slug else f"sp-{random_tail()}"
    return slug


def random_tail() -> str:
    """Five letters and digits that are not mistaken for one another."""
    return "".join(secrets.choice("23456789abcdefghjkmnpqrstuvwxyz") for _ in range(5))


def slug_of_merchant_page(path: str) -> str:
    """Whose merchant pages a path of ours belongs to; "" for all other pages."""
    found = _MERCHANT_PAGE.match(path)
    return found[1] if found else ""
