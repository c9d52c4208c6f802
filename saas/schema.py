"""Imports every module that maps a table, so that migrations and checks see the whole schema."""

from saas import queue
from saas.batches import models as batches
from saas.components import models as components
from saas.programs import models as programs
from saas.releases import models as releases
from saas.tenants import models as tenants

__all__ = ["batches", "components", "programs", "queue", "releases", "tenants"]
