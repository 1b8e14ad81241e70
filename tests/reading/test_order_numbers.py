"""An order number is what a shop wrote; an unfilled placeholder is not one."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.reading.order_numbers import PlaceholderOrder, order_key, read_order_number


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ("1042", "1042"),
        (" A-1\u00a0", "A-1"),
        ("#77", "#77"),
        ("ORDER-77", "ORDER-77"),
        ("T3JkZXI6MQ==", "T3JkZXI6MQ=="),
        ("10", "10"),
        ("0042", "0042"),
        ("SO 12/2026", "SO 12/2026"),
        ("", ""),
        ("\u200b ", ""),
    ],
)
def test_an_order_number_is_parsed(sent: str, number: str) -> None:
    assert read_order_number(sent) == number


@pytest.mark.parametrize(
    "sent",
    [
        *(
            "undefined",
            "null",
            "NULL",
            "None",
            "0",
            "000",
            "#0",
            "NaN",
            "false",
            "True",
            "-",
            "--",
            "#",
            "N/A",
            "-1",
        ),
        *("[object Object]", "{}", "[]", "''"),
        *(
            "{{order.number}}",
            "{{ order.id }}",
            "{{order_77}}",
            "{% order %}",
            "${orderId}",
            "{$order.id}",
            "{order}",
        ),
        *(
            "ORDER_ID",
            "order-id",
            "%ORDER%",
            "[ORDER]",
            "*|ORDER|*",
            "<?= $order ?>",
            "<%= order %>",
            "__ORDER__",
        ),
        *("PEDIDO", "@order", "$order", "[%order%]", "[[order]]", "%%order%%", "#undefined", "Order"),
    ],
)
def test_a_placeholder_is_not_an_order_number(sent: str) -> None:
    with pytest.raises(PlaceholderOrder) as refused:
        read_order_number(sent)
    assert refused.value.reason == "placeholder_order"


@pytest.mark.parametrize("spelling", ["77", "#77", "# 77", "077", "#0077", "Nº 77", "nº77", "No. 77", "№77"])
def test_all_spellings_of_an_order_number_are_equal(spelling: str) -> None:
    assert order_key(spelling) == "77"


@pytest.mark.parametrize(("one", "other"), [("so-77", "SO-77"), ("ñ1", "Ñ1"), ("#a1", "#A1")])
def test_letter_case_does_not_distinguish_order_numbers(one: str, other: str) -> None:
    assert order_key(one) == order_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("77", "770"),
        ("A77", "77"),
        ("1-077", "1-77"),
        ("T3JkZXI6MQ==", "t3jkzxi6mq=="),
        ("aB3x", "Ab3X"),
        ("No77a", "77b"),
    ],
)
def test_different_order_numbers_stay_different(one: str, other: str) -> None:
    assert order_key(one) != order_key(other)


@given(st.text(max_size=30))
def test_any_text_is_an_order_number_or_a_placeholder(sent: str) -> None:
    with contextlib.suppress(PlaceholderOrder):
        number = read_order_number(sent)
        assert read_order_number(number) == number
        assert order_key(order_key(number)) == order_key(number)
