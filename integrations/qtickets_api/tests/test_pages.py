import msgspec
import pytest
from payloads import event, order, page
from qtickets_api.paging.pages import decode_events, decode_orders, unknown_fields
from zakaz_common.http import TransientError


@pytest.mark.parametrize(
    "body", [b'{"data": []}', b'{"error": "x", "status": 500}', b"[]", b'{"data": {}, "paging": {}}', b"null"]
)
def test_what_is_no_page_is_fetched_again(body):
    with pytest.raises(TransientError, match="is not a page of orders"):
        decode_orders(body)


def test_truncated_json_is_fetched_again():
    whole = page([order(1), order(2)])
    with pytest.raises(msgspec.DecodeError):
        decode_orders(whole[: len(whole) // 2])


def test_a_record_without_a_readable_id_is_rejected_by_its_place():
    decoded = decode_orders(page([order(1), order(2, id="two")]))
    assert decoded.ids == [1]
    assert decoded.rejected[0].key == "record 2 of a page"


def test_fields_nobody_knows_are_named():
    body = page([order(brand_new=1, another=2)])
    assert unknown_fields("orders", body) == {"brand_new", "another"}
    assert unknown_fields("orders", page([order()])) == frozenset()
    assert unknown_fields("orders", page([order(**{"ivan@example.com": 1, "+79160000000": 1, "new": 1})])) == {"new"}
    assert unknown_fields("events", page([event()])) == frozenset()
    assert unknown_fields("orders", page([])) == frozenset()


def test_a_huge_hall_plan_costs_no_memory():
    import tracemalloc

    plan = {f"A-{n};1": {"x": n, "y": n, "zone": "PARTER"} for n in range(20_000)}
    body = page([event(shows=[{"id": 1, "scheme_properties": plan}]) for _ in range(10)])
    assert len(body) > 5 << 20
    tracemalloc.start()
    decoded = decode_events(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(decoded.records) == 10
    assert peak < 1 << 20
