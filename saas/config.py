"""One Settings object read from the environment. A missing or unsafe value refuses to start."""

from __future__ import annotations

import base64
import binascii
import os
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, Json, NonNegativeInt, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class UnsafeSettings(Exception):
    """The environment is incomplete or unsafe; the text names every variable and what to set it to."""


class Environment(StrEnum):
    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


class Settings(BaseSettings):
    """Every value that differs between installations. README's configuration table is made from these fields."""

    model_config = SettingsConfigDict(env_prefix="DAIBAN_", extra="ignore", populate_by_name=True)

    env: Environment = Field(Environment.PRODUCTION, description="production、demo 或 test")
    home: Path = Field(Path(".daiban"), description="数据目录：内嵌数据库、文件、沙箱")
    host: str = Field("127.0.0.1", description="监听地址；容器里设为 0.0.0.0")
    port: int = Field(8000, validation_alias="PORT", description="网站端口")
    sandbox_port: int = Field(8001, validation_alias="SANDBOX_PORT", description="沙箱端口（仅演示）")

    database_url: str = Field(validation_alias="DATABASE_URL", description="应用登录（无 BYPASSRLS）")
    database_owner_url: str = Field("", validation_alias="DATABASE_OWNER_URL", description="迁移登录")
    database_platform_url: str = Field(validation_alias="DATABASE_PLATFORM_URL", description="平台登录（BYPASSRLS）")
    database_pool: int = Field(20, description="每个网站进程的数据库连接上限")
    redis_url: str = Field(validation_alias="REDIS_URL", description="Redis 或 Valkey 7 以上")

    public_url: str = Field(description="对外网址，也是授权发起域名和回调域名")
    master_key: str = Field(description="主密钥：32 字节的 Base64；轮换时新的在前，旧的在后，逗号分隔")
    exit_ips: str = Field("", description="服务器出口 IP，逗号分隔，供填入微信 IP 白名单")
    wechat_api_url: str = Field("https://api.weixin.qq.com", description="微信接口地址")
    wechat_mp_url: str = Field("https://mp.weixin.qq.com", description="微信 PC 授权页地址")
    wechat_open_url: str = Field("https://open.weixin.qq.com", description="微信 H5 授权页地址")
    assets_url: str = Field("https://cdn.jsdelivr.net/npm", description="htmx 与样式的 CDN 前缀（可换镜像）")
    files_url: str = Field("", description="文件存储：空为数据目录，或 s3://桶名/前缀")
    mail_url: str = Field("", description="smtp(s)://用户:密码@主机:端口/?from=地址；demo: 为页面查看")
    sms_url: str = Field(
        "", description="短信网关：aliyun、tencent 或 huawei://密钥:口令@主机/?sign=…；demo: 为页面查看"
    )
    wechat_sign_in_site: str = Field("", description="平台的微信扫码登录：网站应用的 AppID:AppSecret")
    wechat_sign_in_account: str = Field("", description="平台的微信内登录：服务号的 AppID:AppSecret")
    wecom_url: str = Field("https://qyapi.weixin.qq.com", description="企业微信群机器人的地址前缀，逗号分隔")
    dingtalk_url: str = Field("https://oapi.dingtalk.com", description="钉钉机器人的地址前缀，逗号分隔")
    feishu_url: str = Field(
        "https://open.feishu.cn,https://open.larksuite.com", description="飞书机器人的地址前缀，逗号分隔"
    )
    webhooks_allowed: str = Field("", description="告警 Webhook 另外可以发往的主机或网段，逗号分隔；默认只到公网 https")
    trusted_proxies: int = Field(0, description="前置代理层数，用于取得真实来源 IP")
    metrics_token: str = Field("", description="/metrics 的访问令牌；空则仅本机可读")
    wechat_calls_per_second: int = Field(50, description="每个第三方平台每秒调用微信接口的上限")
    wechat_program_calls_per_second: int = Field(20, description="每个小程序每秒调用微信接口的上限")
    wechat_calls_at_once: int = Field(64, description="每个第三方平台的批量工作同时进行的微信调用上限")
    ext_json_kilobytes: int = Field(64, description="一份 ext_json 的大小上限（KB）")
    template_library_size: int = Field(200, description="微信模板库的容量，用于显示剩余位置")
    wechat_limits: Json[dict[str, NonNegativeInt | None]] = Field(
        default_factory=dict,
        validate_default=False,
        description="改写微信的次数限制：JSON，名称见 saas/wx/limits.py，值为次数；null 为只计数、不拦截",
    )
    certification_prices: Json[dict[str, NonNegativeInt]] = Field(
        default_factory=lambda: {"": 30000, "12": 3000, "15": 3000},
        validate_default=False,
        description="服务商付的认证审核费（分）：JSON，名称为认证类型，空名称为其余类型",
    )
    job_lease_seconds: int = Field(20, description="任务租约秒数；进程意外退出后过此时间由其他进程接手")
    batch_concurrency: int = Field(8, description="一个批量任务同时处理多少个小程序")
    workers: int = Field(2, description="daiban worker 启动的进程数")
    log_json: bool = Field(True, description="日志为 JSON 行")

    @field_validator("public_url", "wechat_api_url", "wechat_mp_url", "wechat_open_url", "assets_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("must be an http(s) address")
        return value.rstrip("/")

    @field_validator("master_key")
    @classmethod
    def _keys(cls, value: str) -> str:
        for part in value.split(","):
            try:
                raw = base64.b64decode(part.strip(), validate=True)
            except (binascii.Error, ValueError) as error:
                raise ValueError("must be Base64") from error
            if len(raw) != 32:
                raise ValueError("each key must be 32 bytes in Base64 (make one with: daiban keys new)")
        return value

    @field_validator("sms_url")
    @classmethod
    def _gateway(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("aliyun", "tencent", "huawei", "demo"):
            raise ValueError("must begin with aliyun://, tencent://, huawei:// or demo:")
        return value

    @field_validator("wechat_sign_in_site", "wechat_sign_in_account")
    @classmethod
    def _app(cls, value: str) -> str:
        appid, _, secret = value.partition(":")
        if value and not (appid and secret):
            raise ValueError("must be AppID:AppSecret")
        return value

    @field_validator("database_url", "database_owner_url", "database_platform_url")
    @classmethod
    def _driver(cls, value: str) -> str:
        for scheme in ("postgresql://", "postgres://"):
            if value.startswith(scheme):
                return "postgresql+psycopg://" + value.removeprefix(scheme)
        return value

    @model_validator(mode="after")
    def _safe(self) -> Settings:
        if self.env is Environment.PRODUCTION:
            faults = list(self._unsafe_in_production())
            if faults:
                raise ValueError("; ".join(faults))
        return self

    def _unsafe_in_production(self) -> list[str]:
        faults = []
        if not self.public_url.startswith("https://"):
            faults.append("DAIBAN_PUBLIC_URL must be https")
        for name in ("wechat_api_url", "wechat_mp_url", "wechat_open_url"):
            value = getattr(self, name)
            if not value.startswith("https://") or _is_loopback(value):
                faults.append(f"DAIBAN_{name.upper()} must be WeChat's https address, not {value}")
        for kind in ("wecom", "dingtalk", "feishu"):
            bases = self.bot_bases(kind)
            if not bases or not all(base.startswith("https://") and not _is_loopback(base) for base in bases):
                faults.append(f"DAIBAN_{kind.upper()}_URL must be https addresses of the bots' host")
        if any(set(base64.b64decode(k)) == {0} for k in self.master_key.split(",")):
            faults.append("DAIBAN_MASTER_KEY must be random")
        if not self.mail_url.startswith(("smtp://", "smtps://")):
            faults.append("DAIBAN_MAIL_URL must name an SMTP server")
        if self.sms_url.startswith("demo:") or "endpoint=http%3A" in self.sms_url or "endpoint=http:" in self.sms_url:
            faults.append("DAIBAN_SMS_URL must name a cloud reached over https, or be empty")
        if self.database_url == self.database_platform_url:
            faults.append("DATABASE_URL and DATABASE_PLATFORM_URL must be different logins")
        faults.extend(
            f"{name} must not be set"
            for name in ("DAIBAN_CLOCK_FILE", "AUTHLIB_INSECURE_TRANSPORT")
            if os.environ.get(name)
        )
        return faults

    @property
    def master_keys(self) -> list[bytes]:
        """Current key first, then previous ones that may still have wrapped something."""
        return [base64.b64decode(part) for part in self.master_key.split(",")]

    @property
    def exit_addresses(self) -> list[str]:
        return [part.strip() for part in self.exit_ips.split(",") if part.strip()]

    def bot_bases(self, kind: str) -> list[str]:
        """Where addresses of bots of this kind begin: ``wecom``, ``dingtalk`` or ``feishu``."""
        return _parts({"wecom": self.wecom_url, "dingtalk": self.dingtalk_url, "feishu": self.feishu_url}[kind])

    @property
    def allowed_webhooks(self) -> list[str]:
        return [part.lower() for part in _parts(self.webhooks_allowed)]

    @property
    def is_production(self) -> bool:
        return self.env is Environment.PRODUCTION

    @property
    def files_folder(self) -> Path:
        return self.home / "files"

    @property
    def copies_folder(self) -> Path:
        """Local copies of the CDN's files in the CDN's own layout (demo only)."""
        return self.home / "assets"


def _parts(value: str) -> list[str]:
    return [part.strip().rstrip("/") for part in value.split(",") if part.strip()]


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; raises UnsafeSettings with one line per fault."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = []
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            variable = name if name.isupper() or not name else f"DAIBAN_{name.upper()}"
            lines.append(f"{variable}: {fault['msg']}" if name else str(fault["msg"]))
        raise UnsafeSettings("\n".join(lines)) from None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read once."""
    return load_settings()
