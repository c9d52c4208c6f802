"""What one writes in an afternoon: a receiver of pushes with wechatpy, Flask and SQLAlchemy, on our web server.

`python -m bench.receiver <port>`. It verifies and opens a push, keeps it as one row, and answers. Whose pushes they
are, and where the database is, `bench.callbacks` says in the environment.
"""

from __future__ import annotations

import hashlib
import os
import sys
from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat
import xmltodict  # type: ignore[import-untyped]
from flask import Flask, Response, request
from sqlalchemy import LargeBinary, create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
from wechatpy.crypto import WeChatCrypto  # type: ignore[import-untyped]
from wechatpy.exceptions import InvalidSignatureException  # type: ignore[import-untyped]

from saas.server import granian

TABLE = """
create table bench_pushes (
    id uuid primary key, created_at timestamptz not null, digest bytea not null unique, appid text not null,
    kind text not null, body text not null
)
"""


class _Base(DeclarativeBase):
    pass


class Push(_Base):
    __tablename__ = "bench_pushes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid_utils.compat.uuid7)
    created_at: Mapped[datetime]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    appid: Mapped[str]
    kind: Mapped[str]
    body: Mapped[str]


def make_app() -> Flask:
    app = Flask("receiver")
    sessions = sessionmaker(create_engine(os.environ["DATABASE_URL"], pool_size=16))
    crypto = WeChatCrypto(os.environ["BENCH_TOKEN"], os.environ["BENCH_AES_KEY"], os.environ["BENCH_APPID"])

    @app.post("/events")
    def take() -> Response:
        given = request.args
        try:
            plain = crypto.decrypt_message(
                request.get_data(), given["msg_signature"], given["timestamp"], given["nonce"]
            )
        except InvalidSignatureException:
            return Response("refused", 403)
        message = xmltodict.parse(plain)["xml"]
        row = Push(
            created_at=datetime.now(UTC), digest=hashlib.sha256(plain.encode()).digest(), appid=message["AppId"],
            kind=message["InfoType"], body=plain,
        )  # fmt: skip
        with sessions() as db:
            db.add(row)
            try:
                db.commit()
            except IntegrityError:
                db.rollback()
        return Response("success", mimetype="text/plain")

    return app


if __name__ == "__main__":
    granian("bench.receiver:make_app", host="127.0.0.1", port=int(sys.argv[1]), factory=True).serve()
