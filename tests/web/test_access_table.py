"""Every route, every person, one status: who gets in, who is told no, and for whom there is no such page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from flask import Flask
from werkzeug.routing import Rule

from saas.tenants.models import MerchantRole
from tests.cast import Cast, add_merchant, join_merchant
from tests.web.conftest import Browser
from tests.web.things import build_things

MEMBERS = ("alice", "anna", "max", "bob")
MERCHANTS = ("mei", "hana")
PLATFORM = ("olga", "bella", "sam")
STRANGERS = ("charlie", "ming")
PEOPLE = ("", *MEMBERS, *MERCHANTS, *PLATFORM, *STRANGERS)


@dataclass(frozen=True)
class Door:
    """Who is let in, and who is known here but may not (403). Everybody else finds nothing (404).

    Without a name a person is anonymous: led to sign-in (303), or let in where the door is open to all.
    """

    lets_in: tuple[str, ...]
    refuses: tuple[str, ...] = ()
    open_to_all: bool = False

    def expects(self, person: str, inside: int | tuple[int, int]) -> int:
        if self.open_to_all or person in self.lets_in:
            return inside if isinstance(inside, int) else inside[0 if person else 1]
        if not person:
            return 303
        return 403 if person in self.refuses else 404


VIEW = Door(MEMBERS)
WORK = Door(("alice", "anna", "max"), ("bob",))
MANAGE = Door(("alice", "anna"), ("max", "bob"))
OWN = Door(("alice",), ("anna", "max", "bob"))
MERCHANT = Door(MERCHANTS)
ANSWER = Door(("mei",), ("hana",))
OPERATOR = Door(PLATFORM)
INSPECT = Door(("olga", "sam"), ("bella",))
OPERATE = Door(("olga",), ("bella", "sam"))
SIGNED_IN = Door(PEOPLE[1:])
PUBLIC = Door((), open_to_all=True)

# What those get who are let in; a pair is (signed in, anonymous). Forms are posted with nothing but the CSRF token, so
# 422 is a form's "not yet" and 303 a deed that needs no input; 404 here is a thing never made, such as a picture, and
# 503 is because no WeChat is there.
TABLE: dict[Door, dict[str, int | tuple[int, int]]] = {
    VIEW: {
        "GET provider.show_health": 200, "GET provider.list_budgets": 200, "GET provider.list_alarms": 200,
        "POST provider.make_calendar_feed": 303, "POST provider.revoke_calendar_feed": 303,
        "GET provider.show_data_request": 200,
        "GET provider.list_registrations": 200, "GET provider.show_registration": 200,
        "GET provider.show_program_registration": 200,
        "GET provider.list_missing_permissions": 200,
        "GET provider.list_all_certifications": 200, "GET provider.list_certification_templates": 200,
        "GET provider.list_certification_charges": 200, "GET provider.export_certification_charges": 200,
        "GET provider.show_certification": 200,
        "GET provider.list_reviews": 200, "GET provider.review_part": 200,
        "GET provider.list_entry_links": 200, "GET provider.list_filing_templates": 200,
        "GET provider.show_filing": 200, "GET provider.show_filing_template": 200,
        "GET provider.show_todo": 200, "GET provider.show_todo_group": 303, "GET provider.list_snoozed": 200,
        "GET provider.show_calendar": 200, "GET provider.list_violations": 200,
        "GET provider.show_program_violations": 200,
        "GET provider.dashboard": 200, "GET provider.list_activities": 200, "GET provider.list_components": 200,
        "GET provider.list_members": 200, "GET provider.list_merchants": 200, "GET provider.list_programs": 200,
        "GET provider.list_templates": 200, "GET provider.edit_template": 200, "GET provider.show_merchant": 200,
        "GET provider.show_component": 200, "GET provider.show_import": 200, "GET provider.show_release_check": 200,
        "GET provider.list_batches": 200, "GET provider.show_batch": 200, "GET provider.export_batch": 200,
        "GET provider.show_batch_codes": 200, "GET provider.download_batch_codes": 200,
        "GET provider.show_item": 200,
        "GET provider.list_campaigns": 200, "GET provider.show_campaign": 200,
        "GET provider.list_trains": 200, "GET provider.show_train": 200, "GET provider.list_train_programs": 200,
        "GET provider.show_train_program": 200,
        "GET provider.list_rejects": 200, "GET provider.show_rejects": 200, "GET provider.list_set_aside": 200,
        "GET provider.show_fleet_versions": 200, "GET provider.list_phased_programs": 200,
        "GET provider.show_traffic": 200, "GET provider.show_program": 200, "GET provider.show_permissions": 200,
        "GET provider.show_program_calls": 200, "GET provider.show_program_activity": 200,
        "GET provider.program_avatar": 404, "GET provider.show_code": 200,
        "GET provider.show_code_history": 200, "GET provider.show_upload": 200, "GET provider.show_trial_qr": 404,
        "GET provider.show_subject": 200, "GET provider.show_profile": 200, "GET provider.show_categories": 200,
        "GET provider.list_privacy_templates": 200, "GET provider.show_privacy_template": 200,
        "GET provider.show_privacy": 200, "GET provider.show_order_page": 200,
        "GET provider.show_domains": 200, "GET provider.program_check_file": 404, "GET provider.show_testers": 200,
        "GET provider.show_component_domains": 200, "GET provider.component_check_file": 404,
        "GET provider.list_testers": 200, "GET provider.show_codes": 200, "GET provider.code_picture": 404,
        "GET provider.show_qr_rules": 200, "GET provider.qr_rule_check_file": 404,
        "GET provider.show_audit": 200, "GET provider.show_versions": 200,
        "GET provider.show_screenshot": 404, "GET provider.show_release": 200,
        "POST provider.save_filter": 422, "POST provider.delete_filter": 404, "GET provider.export_programs": 200,
    },
    WORK: {
        "POST provider.retry_pushes": 303,
        "POST provider.refuse_data_request": 422, "GET provider.erase_merchant_data": 303,
        "POST provider.erase_merchant_data": 303,
        "GET provider.new_registration": 200, "GET provider.add_registration": 404,
        "POST provider.add_registration": 404, "GET provider.edit_registration": 200,
        "POST provider.edit_registration": 303, "GET provider.import_registrations": 200,
        "POST provider.import_registrations": 422, "POST provider.start_registrations": 303,
        "POST provider.start_registration": 303, "POST provider.reveal_registration_person": 200,
        "POST provider.ask_about_registration": 303, "POST provider.mail_registration_link": 303,
        "POST provider.mail_registration_links": 303,
        "GET provider.cancel_registration": 200, "POST provider.cancel_registration": 303,
        "POST provider.open_lending_page": 303, "GET provider.take_lending_ticket": 303,
        "POST provider.show_program_registration": 422,
        "GET provider.add_certification_template": 200, "POST provider.add_certification_template": 422,
        "GET provider.edit_certification_template": 200, "POST provider.edit_certification_template": 303,
        "POST provider.reveal_certification_template": 200, "POST provider.copy_certification_template": 303,
        "GET provider.choose_template_identity": 200, "POST provider.choose_template_identity": 303,
        "GET provider.show_template_paper": 404, "GET provider.delete_certification_template": 200,
        "POST provider.delete_certification_template": 303,
        "GET provider.edit_certification": 200, "POST provider.edit_certification": 303,
        "POST provider.make_certification_draft": 422, "POST provider.reveal_certification": 200,
        "GET provider.choose_certification_identity": 200, "POST provider.choose_certification_identity": 303,
        "POST provider.read_identities": 303, "POST provider.check_certification_name": 303,
        "POST provider.refresh_certification": 303, "GET provider.start_certification": 303,
        "POST provider.start_certification": 303, "GET provider.resubmit_certification": 303,
        "POST provider.resubmit_certification": 303, "GET provider.show_certification_paper": 404,
        "GET provider.export_missing_permissions": 200, "GET provider.discard_certification": 200,
        "POST provider.discard_certification": 303,
        "GET provider.add_merchant": 200, "POST provider.add_merchant": 422, "POST provider.remind_merchant": 303,
        "POST provider.remind_of_registration": 303,
        "POST provider.pause_batch": 303, "POST provider.resume_batch": 303, "GET provider.cancel_batch": 200,
        "POST provider.cancel_batch": 303, "POST provider.retry_batch": 303, "POST provider.retry_item": 303,
        "GET provider.edit_campaign": 200, "POST provider.edit_campaign": 422, "GET provider.start_campaign": 200,
        "POST provider.start_campaign": 303, "POST provider.pause_campaign": 303, "POST provider.resume_campaign": 303,
        "GET provider.cancel_campaign": 200, "POST provider.cancel_campaign": 303,
        "GET provider.plan_train": 303, "POST provider.plan_train": 303, "POST provider.start_train": 303,
        "GET provider.resubmit_rejects": 303, "POST provider.resubmit_rejects": 303,
        "GET provider.set_rejects_aside": 303, "POST provider.set_rejects_aside": 303,
        "POST provider.take_rejects_back": 303,
        "POST provider.delete_train": 303, "POST provider.pause_train": 303, "POST provider.resume_train": 303,
        "GET provider.adjust_train": 200, "POST provider.adjust_train": 422, "GET provider.plan_train_start": 200,
        "POST provider.plan_train_start": 422, "POST provider.cancel_train_start": 303,
        "POST provider.sort_train_again": 303, "GET provider.choose_canary": 200, "POST provider.choose_canary": 303,
        "GET provider.fill_train_values": 200, "POST provider.fill_train_values": 303,
        "GET provider.skip_train_failures": 404, "POST provider.skip_train_failures": 404,
        "POST provider.acknowledge_train": 303, "GET provider.let_train_on": 200, "POST provider.let_train_on": 303,
        "POST provider.retry_train": 303, "GET provider.cancel_train": 200, "POST provider.cancel_train": 303,
        "GET provider.undo_train": 200, "POST provider.undo_train": 303, "GET provider.roll_back_train": 200,
        "POST provider.roll_back_train": 303, "GET provider.release_wave": 200, "POST provider.release_wave": 303,
        "GET provider.release_wave_to_all": 200, "POST provider.release_wave_to_all": 303,
        "POST provider.skip_train_program": 303,
        "GET provider.archive_merchant": 200, "POST provider.archive_merchant": 303,
        "POST provider.restore_merchant": 303, "POST provider.reveal_merchant_phone": 200,
        "POST provider.reveal_merchant_legal": 200, "GET provider.choose_action": 303,
        "GET provider.snooze_programs": 303, "POST provider.snooze_programs": 303, "POST provider.wake_program": 303,
        "POST provider.settle_batch": 303, "POST provider.read_program_violations": 303,
        "POST provider.mark_violation_seen": 303, "GET provider.note_violation": 200,
        "POST provider.note_violation": 303, "GET provider.add_own_date": 200, "POST provider.add_own_date": 422,
        "GET provider.edit_own_date": 200, "POST provider.edit_own_date": 422, "POST provider.finish_own_date": 303,
        "GET provider.start_action": 404, "POST provider.start_action": 404,
        "GET provider.import_programs": 200, "POST provider.import_programs": 422,
        "GET provider.import_template": 200, "POST provider.apply_import": 404,
        "GET provider.edit_merchant": 200, "POST provider.edit_merchant": 303,
        "GET provider.edit_merchant_values": 200, "POST provider.edit_merchant_values": 303,
        "GET provider.invite_person": 200, "POST provider.invite_person": 422,
        "POST provider.change_person_role": 422, "POST provider.remove_person": 303,
        "POST provider.resend_merchant_invitation": 303, "POST provider.revoke_merchant_invitation": 303,
        "POST provider.reveal_onboarding_part": 409, "POST provider.show_onboarding_paper": 404,
        "POST provider.give_part_back": 409, "POST provider.accept_part": 409,
        "POST provider.hand_over_part": 409, "GET provider.show_wished_avatar": 404,
        "GET provider.make_entry_link": 200, "POST provider.make_entry_link": 303,
        "GET provider.show_entry_link": 200, "POST provider.send_entry_link": 422,
        "GET provider.revoke_entry_link": 200, "POST provider.revoke_entry_link": 303,
        "GET provider.create_link": 200, "POST provider.create_link": 422, "GET provider.show_link": 200,
        "POST provider.replace_link": 303, "POST provider.revoke_link": 303,
        "GET provider.assign_program": 200, "POST provider.assign_program": 303,
        "GET provider.edit_program_note": 200, "POST provider.edit_program_note": 303,
        "GET provider.edit_program_values": 200, "POST provider.edit_program_values": 303,
        "GET provider.add_program": 200, "POST provider.add_program": 422, "POST provider.reveal_subject": 200,
        "GET provider.edit_subject": 200, "POST provider.edit_subject": 303,
        "GET provider.edit_team": 200, "POST provider.edit_team": 303,
        "POST provider.change_profile": 422, "POST provider.check_program_name": 422,
        "POST provider.drop_program_name": 303, "POST provider.read_basics": 303,
        "POST provider.read_program_categories": 303, "GET provider.choose_category": 200,
        "GET provider.edit_category": 200, "POST provider.edit_category": 422,
        "GET provider.delete_category": 200, "POST provider.delete_category": 303,
        "GET provider.add_privacy_template": 200, "POST provider.add_privacy_template": 422,
        "GET provider.edit_privacy_template": 200, "POST provider.edit_privacy_template": 422,
        "GET provider.delete_privacy_template": 200, "POST provider.delete_privacy_template": 303,
        "POST provider.read_program_privacy": 303, "POST provider.add_missing_privacy": 303,
        "GET provider.edit_privacy": 200, "POST provider.edit_privacy": 422,
        "GET provider.edit_privacy_contact": 200, "POST provider.edit_privacy_contact": 422,
        "GET provider.apply_for_interface": 200, "POST provider.apply_for_interface": 422,
        "POST provider.read_program_order_page": 303, "GET provider.apply_for_order_page": 200,
        "POST provider.apply_for_order_page": 422,
        "POST provider.read_program_domains": 303, "POST provider.set_missing_domains": 303,
        "GET provider.edit_domains": 200, "POST provider.edit_domains": 303,
        "POST provider.read_component_domains": 303, "POST provider.add_testers": 422,
        "POST provider.read_testers": 303, "GET provider.label_tester": 200, "POST provider.label_tester": 303,
        "GET provider.remove_tester": 200, "POST provider.remove_tester": 303, "POST provider.forget_tester": 303,
        "GET provider.make_code": 200, "POST provider.make_code": 422,
        "GET provider.delete_code": 200, "POST provider.delete_code": 303,
        "POST provider.read_qr_rules": 303, "GET provider.edit_qr_rule": 200, "POST provider.edit_qr_rule": 422,
        "GET provider.publish_qr_rule": 404, "POST provider.publish_qr_rule": 404,
        "GET provider.delete_qr_rule": 404, "POST provider.delete_qr_rule": 404,
        "POST provider.reveal_filing": 200, "POST provider.read_filing": 303, "POST provider.begin_filing": 303,
        "GET provider.edit_filing": 200, "POST provider.edit_filing": 303, "POST provider.show_filing_file": 404,
        "POST provider.drop_filing_file": 303, "POST provider.ask_face_check": 303, "POST provider.send_filing": 303,
        "GET provider.send_filing": 303,
        "GET provider.withdraw_filing": 200, "POST provider.withdraw_filing": 303,
        "GET provider.cancel_filing": 200, "POST provider.cancel_filing": 422,
        "GET provider.add_filing_template": 200, "POST provider.add_filing_template": 422,
        "POST provider.reveal_filing_template": 200, "GET provider.rename_filing_template": 200,
        "POST provider.rename_filing_template": 303, "GET provider.edit_filing_template": 200,
        "POST provider.edit_filing_template": 303, "POST provider.show_filing_template_file": 404,
        "POST provider.drop_filing_template_file": 303, "GET provider.delete_filing_template": 200,
        "POST provider.delete_filing_template": 303,
        "POST provider.read_program_profile": 303, "POST provider.check_component": 303,
        "POST provider.sync_templates": 303, "POST provider.add_draft": 303, "POST provider.edit_template": 303,
        "GET provider.delete_template": 200, "POST provider.delete_template": 422,
        "POST provider.refresh_code": 303, "GET provider.upload_code": 200, "POST provider.upload_code": 422,
        "POST provider.draw_trial_qr": 303, "GET provider.submit_audit": 200, "POST provider.submit_audit": 422,
        "GET provider.undo_audit": 200, "POST provider.undo_audit": 303,
        "GET provider.release_audit": 200, "POST provider.release_audit": 409,
        "GET provider.choose_roll_back": 200, "POST provider.read_past_versions": 303,
        "GET provider.roll_back": 200, "POST provider.roll_back": 303,
        "GET provider.phase_release": 200, "POST provider.phase_release": 422,
        "GET provider.cancel_phase": 200, "POST provider.cancel_phase": 303,
        "GET provider.suspend_service": 200, "POST provider.suspend_service": 303,
        "GET provider.resume_service": 200, "POST provider.resume_service": 303,
        "POST provider.read_base_library": 303, "GET provider.set_base_library": 200,
        "POST provider.set_base_library": 422, "GET provider.speed_up_audit": 200,
        "POST provider.speed_up_audit": 303, "POST provider.set_automatic_release": 303,
        "GET provider.check_selection": 303, "GET provider.edit_variables": 200, "POST provider.edit_variables": 303,
        "POST provider.set_default_template": 303,
    },
    MANAGE: {
        "GET provider.add_alarm_channel": 200, "POST provider.add_alarm_channel": 422,
        "GET provider.show_alarm_channel": 200, "GET provider.edit_alarm_channel": 200,
        "POST provider.edit_alarm_channel": 303, "GET provider.remove_alarm_channel": 200,
        "POST provider.remove_alarm_channel": 303, "POST provider.pause_alarm_channel": 303,
        "POST provider.resume_alarm_channel": 303, "POST provider.test_alarm_channel": 303,
        "POST provider.send_alarm_again": 303,
        "GET provider.clear_counters": 200, "POST provider.clear_counters": 303,
        "GET provider.show_message_key": 200, "POST provider.rotate_message_key": 303,
        "POST provider.take_message_key_back": 303, "POST provider.drop_previous_key": 303,
        "GET provider.new_component": 200, "POST provider.add_component": 422,
        "GET provider.edit_component": 200, "POST provider.update_component": 422,
        "GET provider.edit_component_domains": 200, "POST provider.edit_component_domains": 303,
        "POST provider.register_domains": 303, "GET provider.confirm_import": 200, "POST provider.start_import": 303,
        "GET provider.edit_wechat_sign_in": 200, "POST provider.edit_wechat_sign_in": 303,
        "POST provider.edit_wechat_reminders": 422,
        "POST provider.test_sign_in_site": 303, "POST provider.test_sign_in_account": 303,
        "GET provider.edit_brand": 200, "POST provider.edit_brand": 303, "POST provider.change_logo": 422,
        "POST provider.remove_logo": 303, "GET provider.edit_host": 200, "POST provider.edit_host": 303,
        "POST provider.look_at_host": 303,
        "GET provider.edit_deadline_days": 200, "POST provider.edit_deadline_days": 422,
        "GET provider.edit_settings": 200, "POST provider.edit_settings": 303, "POST provider.invite_member": 422,
        "POST provider.resend_invitation": 303, "POST provider.revoke_invitation": 303,
        "GET provider.edit_member": 200, "POST provider.edit_member": 303,
        "GET provider.remove_member": 200, "POST provider.remove_member": 303,
    },
    OWN: {"GET provider.transfer_ownership": 200},
    MERCHANT: {
        "GET merchant.home": 200, "GET merchant.program_avatar": 404, "GET merchant.show_program": 200,
        "GET merchant.program_trial_qr": 404, "GET merchant.list_program_audits": 200,
        "GET merchant.program_screenshot": 404, "GET merchant.program_activity": 200,
        "GET merchant.list_notices": 200, "POST merchant.mark_notices_read": 303,
        "GET merchant.show_onboarding": 200, "GET merchant.show_part": 200,
        "GET merchant.show_waiting": 200, "GET merchant.show_registration": 200,
        "GET merchant.choose_data": 303, "GET merchant.show_data": 200, "GET merchant.show_consent": 200,
        "POST merchant.show_consent": 422,
    },
    ANSWER: {
        "POST merchant.send_again": 303, "POST merchant.send_registration_again": 303,
        "POST merchant.follow_link": 303, "POST merchant.authorize_program": 303,
        "GET merchant.show_part_page": 200, "POST merchant.save_part_page": 303, "POST merchant.hand_in_part": 409,
        "POST merchant.reveal_part": 200, "POST merchant.upload_papers": 404, "POST merchant.remove_paper": 404,
        "POST merchant.show_paper": 404, "GET merchant.upload_too_large": 404,
        "POST merchant.export_data": 303, "GET merchant.show_export": 303, "GET merchant.download_data": 404,
        "POST merchant.request_deletion": 303, "POST merchant.withdraw_deletion": 303,
    },
    OPERATOR: {"GET operator.list_providers": 200},
    INSPECT: {"GET operator.show_provider": 200, "GET operator.list_failed_jobs": 200},
    OPERATE: {
        "POST operator.suspend_provider": 422, "POST operator.resume_provider": 409, "POST operator.retry_job": 303,
    },
    SIGNED_IN: {
        "GET account.profile": 200, "POST account.profile": 303, "POST account.change_password": 422,
        "POST account.end_session": 404, "POST account.end_other_sessions": 303, "GET account.verify": 303,
        "POST account.send_verification_again": 303,
        "GET account.add_phone": 200, "POST account.add_phone": 422, "GET account.confirm_phone": 303,
        "POST account.confirm_phone": 303, "POST account.confirm_phone_again": 303,
        "GET account.add_email": 303, "POST account.add_email": 303, "GET account.confirm_email": 410,
        "POST account.confirm_email": 410, "GET account.remove_email": 200, "POST account.remove_email": 303,
        "GET account.remove_phone": 303, "POST account.remove_phone": 422, "POST account.bind_wechat": 422,
        "GET account.confirm_wechat": 303, "POST account.confirm_wechat": 303,
        "GET account.remove_wechat": 404, "POST account.remove_wechat": 404,
    },
    PUBLIC: {
        "GET calendar_feed.read_calendar": 404,
        "GET home.index": (303, 200), "GET account.sign_in": (303, 200), "POST account.sign_in": 422,
        "GET account.sign_in_by_phone": (303, 200), "POST account.sign_in_by_phone": 422,
        "GET account.enter_phone_code": 303, "POST account.enter_phone_code": 303,
        "POST account.send_phone_code_again": 303,
        "GET account.sign_in_by_mail": 200, "POST account.sign_in_by_mail": 422, "GET account.sign_in_mailed": 200,
        "GET account.sign_in_by_link": 410, "POST account.sign_in_by_link": 410,
        "POST account.sign_in_by_wechat": 303, "GET account.return_from_wechat": 422,
        "GET account.meet_wechat": 303, "POST account.meet_wechat": 303,
        "GET account.sign_up": 200, "POST account.sign_up": 422, "GET account.look_at_mail": 200,
        "GET account.forgot": 200, "POST account.forgot": 422, "GET account.reset_mailed": 200,
        "GET account.reset": 410, "POST account.reset": 410,
        "GET account.confirm_address": 410, "POST account.confirm_address": 410,
        "GET account.invitation": 410, "POST account.invitation": 410,
        "GET account.terms": 200, "GET account.privacy": 200, "GET account.mails": 200,
        "POST language.change_language": 303,
        "GET public.show_authorization": 200, "POST public.open_authorization": 503,
        "GET public.return_authorization": 422, "GET public.authorization_progress": 303,
        "GET public.show_join": 200, "POST public.join": (422, 303),
        "GET public.join_by_mail": 200, "POST public.join_by_mail": 422,
        "GET callbacks.prove_address": 403,
        "GET check_files.show_check_file": 404, "GET evidence.show_evidence": 404,
        "GET public.hand_over": 404, "POST public.hand_over": 404, "GET public.come_over": 404,
        "GET own_host.prove": 404, "GET brands.show_style_sheet": 200, "GET brands.show_logo": 404,
        "GET copies.show_copy": 404, "GET static": 200, "GET healthz": 200, "GET readyz": 503, "GET metrics": 200,
    },
}  # fmt: skip
LAST: dict[Door, dict[str, int | tuple[int, int]]] = {
    OWN: {"POST provider.transfer_ownership": 303},  # alice is an administrator then
    MERCHANT: {"POST merchant.sign_in_again": 303},
    SIGNED_IN: {"POST account.end_all_sessions": 303},
    PUBLIC: {"POST account.sign_out": 303},
}


def rules(app: Flask) -> dict[str, Rule]:
    """Routes by "METHOD endpoint"; where two rules share an endpoint the first stands for both."""
    found: dict[str, Rule] = {}
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
            found.setdefault(f"{method} {rule.endpoint}", rule)
    return found


def rows() -> dict[str, tuple[Door, int | tuple[int, int]]]:
    doors = (*TABLE.items(), *LAST.items())
    return {name: (door, status) for door, entries in doors for name, status in entries.items()}


def test_every_route_has_a_row_and_every_row_a_route(app: Flask) -> None:
    assert set(rows()) == set(rules(app))


@pytest.mark.parametrize("person", PEOPLE, ids=lambda name: name or "anonymous")
def test_every_route_answers(person: str, app: Flask, cast: Cast, browser: Callable[[str], Browser]) -> None:
    routes, wrong = rules(app), []
    things, is_used = build_things(cast), False
    for name, (door, inside) in sorted(rows().items(), key=lambda row: row[0].startswith("POST")):
        if is_used:
            things = build_things(cast)
        expected, got = door.expects(person, inside), ask(browser(person), name, path(routes[name], name, things))
        is_used = name.startswith("POST") and got < 400 and bool(person or door.open_to_all)
        if got != expected:
            wrong.append(f"{name}: {got}, not {expected}")
    assert wrong == [], "\n".join(wrong)


def test_charlie_finds_nothing_of_alices_in_his_own_house(
    app: Flask, cast: Cast, browser: Callable[[str], Browser]
) -> None:
    """The ids are alice's, the house is charlie's: there is no such thing here."""
    things, wrong = build_things(cast) | {"slug": "charlie"}, []
    for name, rule in rules(app).items():
        if rule.endpoint.startswith("provider.") and rule.arguments - {"slug"}:
            got = ask(browser("charlie"), name, path(rule, name, things))
            if got != 404:
                wrong.append(f"{name}: {got}")
    assert wrong == [], "\n".join(wrong)


def test_ming_finds_nothing_of_meis_in_her_own_house(app: Flask, cast: Cast, browser: Callable[[str], Browser]) -> None:
    things, wrong = build_things(cast) | {"slug": "charlie"}, []
    for name, rule in rules(app).items():
        if rule.endpoint.startswith(("merchant.", "public.")) and rule.arguments - {"slug"}:
            got = ask(browser("ming"), name, path(rule, name, things))
            if got != 404:
                wrong.append(f"{name}: {got}")
    assert wrong == [], "\n".join(wrong)


def hers(app: Flask) -> dict[str, tuple[Rule, Door, int]]:
    """A merchant's routes that name something, with what is let in there."""
    table, found = rows(), {}
    for name, rule in sorted(rules(app).items(), key=lambda one: one[0].startswith("POST")):
        door, status = table[name]
        if rule.endpoint.startswith("merchant.") and rule.arguments - {"slug"}:
            assert door in (MERCHANT, ANSWER), name
            assert isinstance(status, int), name
            found[name] = (rule, door, status)
    return found


def test_another_merchant_of_the_same_provider_finds_nothing_of_meis(
    app: Flask, cast: Cast, browser: Callable[[str], Browser]
) -> None:
    join_merchant(cast, "li", add_merchant(cast, "李记面馆"))
    things, li = build_things(cast), browser("li")
    assert li.get("/m/alice/").status_code == 200
    wrong = [f"{name}: {got}" for name, (rule, _door, _status) in hers(app).items()
             if (got := ask(li, name, path(rule, name, things))) != 404]  # fmt: skip
    assert wrong == [], "\n".join(wrong)


def test_mei_finds_nothing_of_one_provider_at_another(
    app: Flask, cast: Cast, browser: Callable[[str], Browser]
) -> None:
    join_merchant(cast, "mei", cast.mings)
    things, mei = build_things(cast), browser("mei")
    assert [mei.get(f"/m/{slug}/").status_code for slug in ("alice", "charlie")] == [200, 200]
    wrong = [f"{name}: {got}" for name, (rule, _door, _status) in hers(app).items()
             if (got := ask(mei, name, path(rule, name, things | {"slug": "charlie"}))) != 404]  # fmt: skip
    assert wrong == [], "\n".join(wrong)


def test_who_helps_one_merchant_and_owns_another_has_her_role_at_each(
    app: Flask, cast: Cast, browser: Callable[[str], Browser]
) -> None:
    lis, mei, wrong = add_merchant(cast, "李记面馆"), browser("mei"), []
    join_merchant(cast, "mei", lis, MerchantRole.HELPER)
    staying = {name: one for name, one in hers(app).items() if name != "POST merchant.sign_in_again"}
    for name, (rule, door, status) in staying.items():
        for of, inside in ((cast, status), (replace(cast, meis=lis), status if door is MERCHANT else 403)):
            got = ask(mei, name, path(rule, name, build_things(of)))
            if got != inside:
                wrong.append(f"{name}: {got}, not {inside}")
    assert wrong == [], "\n".join(wrong)


def path(rule: Rule, name: str, things: dict[str, str]) -> str:
    """The rule with real ids. Invitations of merchants are other ones than those of members."""
    if name.endswith("_merchant_invitation"):
        things = things | {"invitation_id": things["merchant_invitation_id"]}
    values = things | {"locale": "en", "filename": "app.css", "nonce": "0", "name": "htmx", "_appid": things["appid"]}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], rule.rule)


def ask(browser: Browser, name: str, address: str) -> int:
    """The status; 303 to the sign-in page is the anonymous one, so others that are led there are a mistake."""
    with browser.get(address) if name.startswith("GET") else browser.post(address) as response:
        return response.status_code
