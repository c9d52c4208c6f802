"""A process with many threads that all need the same tokens at the same moment; started by test_single_refresher.py."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from saas import db, logs
from saas.components.access import load_component
from saas.components.wechat import component_tokens
from saas.config import settings
from saas.tenants import keys


def main(provider_id: UUID, component_id: UUID, appid: str, callers: int) -> None:
    logs.configure(settings())  # the log goes to stderr, the tokens to stdout
    db.connect(settings())
    keys.install()
    with db.tenant_session(provider_id) as session:
        component = load_component(session, component_id)
    together = threading.Barrier(callers)

    def call(_number: int) -> str:
        tokens = component_tokens(component)
        together.wait()
        return tokens.authorizer_token(appid)

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with ThreadPoolExecutor(callers) as pool:
        for token in pool.map(call, range(callers)):
            sys.stdout.write(f"{token}\n")
    db.disconnect()


if __name__ == "__main__":
    main(UUID(sys.argv[1]), UUID(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
