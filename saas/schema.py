"""Imports every module that maps a table, so that migrations and checks see the whole schema."""

from saas import queue
from saas.agenda import models as agenda
from saas.batches import models as batches
from saas.campaigns import models as campaigns
from saas.components import models as components
from saas.onboarding import models as onboarding
from saas.programs import certification_models as certifications
from saas.programs import filing_models as filings
from saas.programs import models as programs
from saas.programs import polling_models as polling
from saas.programs import privacy_models as privacy
from saas.programs import registration_models as registrations
from saas.programs import snooze_models as snoozes
from saas.programs import violation_models as violations
from saas.releases import models as releases
from saas.tenants import alarm_models as alarms
from saas.tenants import models as tenants
from saas.trains import models as trains

__all__ = [
    "agenda",
    "alarms",
    "batches",
    "campaigns",
    "certifications",
    "components",
    "filings",
    "onboarding",
    "polling",
    "privacy",
    "programs",
    "queue",
    "registrations",
    "releases",
    "snoozes",
    "tenants",
    "trains",
    "violations",
]
