"""Who agreed to which words, and when they are asked again."""

from __future__ import annotations

import pytest

from saas.db import platform_session
from saas.tenants import consents
from saas.tenants.consents import consents_of, data_consent_is_missing, record_data_consent
from tests.cast import Cast


def test_agreeing_to_what_one_provider_does_says_nothing_of_another(cast: Cast) -> None:
    bob = cast.users["bob"]
    with platform_session("test") as db:
        assert data_consent_is_missing(db, bob, cast.alices)
        record_data_consent(db, bob, cast.alices, ip="203.0.113.7")
        record_data_consent(db, bob, cast.alices, ip="203.0.113.8")
        assert not data_consent_is_missing(db, bob, cast.alices)
        assert data_consent_is_missing(db, bob, cast.charlies)
        found = consents_of(db, bob, cast.alices)
        assert sorted((one.document, one.version, one.ip) for one in found) == [
            ("merchant_data", consents.DATA_VERSION, "203.0.113.7"),
            ("privacy", consents.VERSIONS["privacy"], "203.0.113.7"),
            ("terms", consents.VERSIONS["terms"], "203.0.113.7"),
        ]
        assert {one.document for one in consents_of(db, bob, cast.charlies)} == {"privacy", "terms"}


def test_new_words_are_asked_about_again(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = cast.users["bob"]
    with platform_session("test") as db:
        record_data_consent(db, bob, cast.alices, ip="")
        monkeypatch.setattr(consents, "DATA_VERSION", "2027-01-01")
        assert data_consent_is_missing(db, bob, cast.alices)
        record_data_consent(db, bob, cast.alices, ip="")
        assert not data_consent_is_missing(db, bob, cast.alices)
        versions = [one.version for one in consents_of(db, bob, cast.alices) if one.document == "merchant_data"]
    assert versions == ["2027-01-01", "2026-12-01"], "the newest first; the old one is kept"
