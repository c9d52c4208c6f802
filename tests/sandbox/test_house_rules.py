from __future__ import annotations

import ast
import re
from pathlib import Path

import saas.sandbox
from saas.sandbox.api.registry import played
from saas.sandbox.app import create_sandbox

HERE = Path(saas.sandbox.__file__).parent
ALLOWED = ("saas.sandbox", "saas.wx.crypto", "saas.wx.contract")


def test_the_sandbox_imports_nothing_of_the_program() -> None:
    for path in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert not name.startswith("saas") or name.startswith(ALLOWED), f"{path.name} imports {name}"


def test_the_manual_names_every_control_call(tmp_path: Path) -> None:
    app = create_sandbox(tmp_path / "s.sqlite", public_url="http://127.0.0.1:1")
    routes = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/control")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    written = set(re.findall(r"`((?:GET|POST) /control/[\w/]+)`", (HERE / "README.md").read_text()))
    assert written == routes
    app.extensions["sandbox"].state.close()


def test_the_whole_journey_is_played() -> None:
    journey = {
        "startPushTicket", "getComponentAccessToken", "getPreAuthCode", "getAuthorizerRefreshToken",
        "getAuthorizerAccessToken", "getAuthorizerInfo", "getAuthorizerList", "getAuthorizerOptionInfo",
        "setAuthorizerOptionInfo", "getTemplatedRaftList", "addToTemplate", "getTemplateList", "deleteTemplate",
        "commit", "getCodePage", "getTrialQRCode", "getCodePrivacyInfo", "submitAudit", "getAuditStatus",
        "getLatestAuditStatus", "undoAudit", "speedupCodeAudit", "setCodeAuditQuota", "release", "getVersionInfo",
        "revertCodeRelease", "grayRelease", "revertGrayRelease", "getGrayReleasePlan", "setVisitStatus",
        "getVisitStatus", "getSupportVersion", "setSupportVersion", "getAllCategoryName", "getAccountBasicInfo",
        "uploadTempMedia", "getMedia", "getMaterial", "uploadMediaToCodeAudit", "modifyThirdpartyServerDomain",
        "modifyThirdpartyJumpDomain", "getThirdpartyJumpDomainConfirmFile", "clearQuota",
        "clearComponentQuotaByAppSecret", "getApiQuota", "clearApiQuota", "getRidInfo", "getApiDomainIp",
        "getCallbackIp", "callbackCheck", "sendCustomMessage",
    }  # fmt: skip
    assert journey <= set(played())
