"""Tokens that come and go."""

from __future__ import annotations

from collections.abc import Callable

from conftest import Caller

Start = Callable[..., Caller]


def test_qtickets_token_revoked_in_mid_run(fresh: Start) -> None:
    caller = fresh()
    caller.sandbox.inject("mutate", route="*/orders", nth=3, mutations=[{"kind": "revoke_qtickets_tokens"}])
    statuses = [caller.qtickets("/orders", {"page": n}).status_code for n in (1, 2, 3, 4)]
    assert statuses == [200, 200, 403, 403]
    caller.sandbox.mutate("restore_qtickets_tokens")
    assert caller.qtickets("/orders").status_code == 200


def test_qtickets_tokens_come_and_go_one_by_one(fresh: Start) -> None:
    caller = fresh()
    assert caller.qtickets("/orders", token="second").status_code == 403
    caller.sandbox.mutate("add_qtickets_token", token="second")
    assert caller.qtickets("/orders", token="second").status_code == 200
    assert caller.qtickets("/orders").status_code == 200
    caller.sandbox.mutate("remove_qtickets_token", token=caller.sandbox.qtickets_token)
    assert caller.qtickets("/orders").status_code == 403
    assert caller.qtickets("/orders", token="second").status_code == 200
