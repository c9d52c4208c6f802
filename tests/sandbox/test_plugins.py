"""Plugins: asked for, decided by their developer, named by an upload."""

from __future__ import annotations

import json

from tests.sandbox.platform import Platform, refused

LIVE = "wx5a3f0c81d27b4e69"
SETS = [18, 40]


def status(platform: Platform, appid: str) -> list[int]:
    return [one["status"] for one in platform.wx.plugins.plugin(appid, action="list")["plugin_list"]]


def test_a_plugin_is_asked_for_and_dropped(platform: Platform) -> None:
    shop, plugins = platform.connect(permission_sets=SETS), platform.wx.plugins
    with refused(89239):
        plugins.plugin(shop, action="apply", plugin_appid="wx0000000000000000", reason="直播")
    with refused(89242):
        plugins.plugin(shop, action="unbind", plugin_appid=LIVE)
    plugins.plugin(shop, action="apply", plugin_appid=LIVE, reason="直播")
    assert status(platform, shop) == [1]
    with refused(89237):
        plugins.plugin(shop, action="apply", plugin_appid=LIVE, reason="直播")
    with refused(89243):
        plugins.plugin(shop, action="unbind", plugin_appid=LIVE)
    platform.control.decide_application(platform.control.applications(appid=shop)[0]["id"], "expire")
    assert status(platform, shop) == [4]
    plugins.plugin(shop, action="apply", plugin_appid=LIVE, reason="直播")
    platform.control.decide_application(platform.control.applications(appid=shop)[0]["id"], "approve")
    assert status(platform, shop) == [2]
    plugins.plugin(shop, action="unbind", plugin_appid=LIVE)
    assert status(platform, shop) == []


def test_an_upload_may_name_plugins_that_are_held(platform: Platform) -> None:
    shop = platform.connect(permission_sets=SETS)
    template = platform.template()

    def upload(provider: str, version: str) -> None:
        ext = json.dumps({"plugins": {"live": {"version": version, "provider": provider}}})
        platform.wx.code.commit(shop, template_id=template, ext_json=ext, user_version="1", user_desc="x")

    with refused(80067):
        upload("wx0000000000000000", "1.3.2")
    with refused(80082):
        upload(LIVE, "1.3.2")
    platform.wx.plugins.plugin(shop, action="apply", plugin_appid=LIVE, reason="直播")
    with refused(80082):
        upload(LIVE, "1.3.2")
    platform.control.decide_application(platform.control.applications(appid=shop)[0]["id"], "approve")
    with refused(80066):
        upload(LIVE, "9.9.9")
    upload(LIVE, "1.3.2")


def test_a_quick_update_knows_published_versions_only(platform: Platform) -> None:
    shop, plugins = platform.connect(permission_sets=SETS), platform.wx.plugins
    plugins.plugin(shop, action="apply", plugin_appid=LIVE, reason="直播")
    with refused(89242):
        plugins.plugin(shop, action="update", plugin_appid=LIVE, user_version="1.3.2")
    platform.control.decide_application(platform.control.applications(appid=shop)[0]["id"], "approve")
    with refused(89257):
        plugins.plugin(shop, action="update", plugin_appid=LIVE, user_version="9.9.9")
    plugins.plugin(shop, action="update", plugin_appid=LIVE, user_version="1.3.2")


def test_a_merchant_decides_on_requests_for_its_plugin(platform: Platform) -> None:
    maker, plugins = platform.connect(permission_sets=SETS), platform.wx.plugins
    shops = [platform.connect(name, permission_sets=SETS) for name in ("明明书店", "青禾咖啡")]
    with refused(89239):
        plugins.devplugin(maker, action="dev_apply_list", page=1, num=10)
    platform.control.add_plugin(nick_name="茶铺会员", versions=["1.0.0"], appid=maker)
    for shop in shops:
        plugins.plugin(shop, action="apply", plugin_appid=maker, reason="会员互通")
    listed = plugins.devplugin(maker, action="dev_apply_list", page=1, num=10)["apply_list"]
    assert [(one["appid"], one["status"], one["reason"]) for one in listed] == [(shop, 1, "会员互通") for shop in shops]
    plugins.devplugin(maker, action="dev_agree", applicant=shops[0])
    with refused(89240):
        plugins.devplugin(maker, action="dev_agree", applicant=shops[0])
    with refused(89241):
        plugins.devplugin(maker, action="dev_delete")
    with refused(89242):
        plugins.devplugin(maker, action="dev_agree", applicant="wx0000000000000000")
    plugins.devplugin(maker, action="dev_refuse", reason="请先联系我们")
    assert (status(platform, shops[0]), status(platform, shops[1])) == ([2], [3])
    plugins.devplugin(maker, action="dev_delete")
    assert len(plugins.devplugin(maker, action="dev_apply_list", page=1, num=10)["apply_list"]) == 1
