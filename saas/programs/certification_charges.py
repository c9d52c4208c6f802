"""What the provider pays for certifications: a row for each that takes a unit of his package at WeChat.

WeChat takes the unit when the audit order is made; what ends before that costs nothing. Billing reads these rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas import clock
from saas.config import settings
from saas.programs.certification_data import PROVIDER_PAYS
from saas.programs.certification_models import Certification, CertificationCharge, ChargeState
from saas.programs.certification_models import CertificationStatus as S
from saas.programs.models import Program

_AFTER_ORDER = (S.ORDER_CREATED, S.PAY_PENDING, S.IN_REVIEW, S.SENT_BACK, S.PASSED, S.FAILED)


def price_fen(customer_type: str) -> int:
    """What a certification costs the provider, as the installation was told."""
    prices = settings().certification_prices
    return prices.get(customer_type, prices.get("", 0))


def reserve_charge(db: Session, program: Program, certification: Certification) -> None:
    """A certification has begun: note what it may cost the provider."""
    values = certification.values
    if values.get("pay_type") != PROVIDER_PAYS or _charge_of(db, certification) is not None:
        return
    db.add(
        CertificationCharge(
            provider_id=program.provider_id, certification_id=certification.id, program_id=program.id,
            program_name=program.name, appid=program.appid, amount_fen=price_fen(values.get("customer_type", "")),
        )
    )  # fmt: skip


def settle_charge(db: Session, certification: Certification) -> None:
    """Bring the charge in line with how far the certification is."""
    charge = _charge_of(db, certification)
    if charge is None or charge.state != ChargeState.RESERVED:
        return
    charge.order_id = certification.order_id
    if certification.status in _AFTER_ORDER:
        charge.state, charge.charged_at = ChargeState.CHARGED, clock.now()
    elif not certification.is_open:
        charge.state = ChargeState.RELEASED


def _charge_of(db: Session, certification: Certification) -> CertificationCharge | None:
    query = select(CertificationCharge).where(CertificationCharge.certification_id == certification.id)
    return db.scalar(query)


def list_charges(
    db: Session, *, before: UUID | None = None, limit: int | None = 50
) -> list[CertificationCharge]:  # fmt: skip
    """The provider's charges, the newest first."""
    query = select(CertificationCharge).order_by(CertificationCharge.id.desc()).limit(limit)
    return list(db.scalars(query if before is None else query.where(CertificationCharge.id < before)))


@dataclass(frozen=True)
class Month:
    """What was charged in one month of the provider's time."""

    start: date
    count: int
    amount_fen: int


def months(db: Session, time_zone: str, *, limit: int = 12) -> list[Month]:
    """The last months in which something was charged, the newest first."""
    start = func.date_trunc("month", func.timezone(time_zone, CertificationCharge.charged_at))
    query = (
        select(start.label("start"), func.count().label("count"), func.sum(CertificationCharge.amount_fen))
        .where(CertificationCharge.state == ChargeState.CHARGED)
        .group_by("start")
        .order_by(start.desc())
        .limit(limit)
    )
    return [Month(row[0].date(), row[1], int(row[2])) for row in db.execute(query)]


def reserved(db: Session) -> tuple[int, int]:
    """How many charges are still open, and their amount in fen."""
    query = select(func.count(), func.coalesce(func.sum(CertificationCharge.amount_fen), 0))
    count, amount = db.execute(query.where(CertificationCharge.state == ChargeState.RESERVED)).one()
    return count, int(amount)


def all_charges(db: Session) -> Iterator[CertificationCharge]:
    """Every charge, the oldest first."""
    yield from db.scalars(select(CertificationCharge).order_by(CertificationCharge.id).execution_options(yield_per=500))
