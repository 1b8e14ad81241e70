"""The recordings of tests/data/saleor-2, and the value of each of their orders by the rules of money.md."""

import gzip
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from salepixel.shops.contract import Delivery
from tests.plugin.saleor.captures import FOLDER as OLDER

FOLDER = OLDER.with_name("saleor-2")
API_URL = "http://127.0.0.1:18000/graphql/"
JWKS = (FOLDER / "jwks.json").read_text()

WAITS, NO_SALE, REPLACEMENT = "waits", "no sale", "replacement"

WORTH: dict[str, dict[str, Any]] = {
    # By scenario and number: charged and refunded, with shipping; read by hand from final_orders.
    # A single amount means that nothing was refunded.
    "aa_anonymous_paid": {"21": "80.00"},
    "ab_customer_paid": {"22": "129.90"},
    "ac_pln_gross_channel": {"23": "355.80"},
    "ad_jpy": {"24": "10495"},
    "af_eur_net": {"26": "65.33"},
    "ag_voucher_percent": {"27": "164.55"},
    "ah_freeship": {"28": "173.20"},
    "aj_giftcard_zero_total": {"33": "43.30"},
    "ak_voucher_zero_total": {"30": "0.00"},
    "al_click_and_collect": {"31": "64.95"},
    "am_draft_completed_discount": {"34": "137.03"},
    "ba_auth_partial_charges": {"35": "108.25"},
    "bb_partial_charge_only": {"36": WAITS},
    "bc_overcharged_then_10_back": {"37": "108.25"},
    "bd_overcharged_then_25_back": {"38": ("108.25", "15.00")},
    "be_refund_by_request_action": {"49": ("108.25", "20.05")},
    "bg_granted_refund_not_paid": {"51": "108.25"},
    "bh_granted_refund_shipping_amount_pln": {"52": ("513.87", "55.55")},
    "bj_refund_reversed": {"44": "108.25"},
    "bk_two_granted_second_paid": {"53": ("108.25", "43.30")},
    "bl_refunded_then_charged_again": {"46": "108.25"},
    "bm_two_transactions_refund_each": {"47": ("108.25", "10.55")},
    "bn2_refund_pending": {"166": "108.25"},
    "bn_refund_pending": {"48": "108.25"},
    "bo_partial_chargeback": {"54": ("108.25", "20.00")},
    "bp_refund_pending_then_success": {"55": ("108.25", "12.34")},
    "br_granted_amount_only": {"58": ("108.25", "7.77")},
    "da_legacy_paid_at_checkout": {"59": "108.25"},
    "db_legacy_partial_refund": {"60": ("108.25", "15.15")},
    "dc_legacy_full_refund": {"61": ("108.25", "108.25")},
    "dd_legacy_fulfilment_refund_1_tee": {"62": ("108.25", "21.65")},
    "de_legacy_return_2_tee_with_refund": {"63": ("108.25", "43.30")},
    "df_reissue": {"64": "108.25", "65": REPLACEMENT},
    "dg_legacy_cancel_paid": {"66": ("108.25", "108.25")},
    "ea_unconfirmed_edited_then_confirmed_paid": {"67": "69.26"},
    "eb_unconfirmed_line_deleted_discount_confirmed_paid": {"68": "60.00"},
    "ec_paid_then_line_added_owes": {"69": WAITS},
    "ee_cancel_paid_then_refund": {"71": ("108.25", "108.25")},
    "ef_cancel_unpaid": {"72": NO_SALE},
    "eg_bulk_import": {"89": "113.67", "90": "113.67", "91": "113.67", "92": WAITS},
    "eh_draft_older_than_click": {"76": "86.60"},
    "ei_note_email_changed_token_deleted": {"77": "108.25"},
    "ej_tax_exempt": {"78": "80.00"},
    "fb_part_charged_line_granted": {"84": "64.95"},
    "fd_giftcard_zero_cancelled": {"86": ("43.30", "43.30")},
    "fe_voucher_once_per_order": {"87": "102.84"},
    "hb_order_create_from_checkout": {"105": "43.30"},
    "hc_not_sales_link": {"106": "21.65"},
    "hd_authorised_then_voided": {"107": WAITS},
    "he_refund_without_lowering_charge": {"108": ("108.25", "10.00")},
    "hf_charge_lowered_only": {"109": ("108.25", "10.00")},
    "hg_shipping_only_refund": {"110": ("133.87", "43.87")},
    "hh_token_at_checkout_complete": {"163": "43.30"},
    "ja_app_deactivated": {"111": "108.25"},
    "la_jwks_rotated": {"112": "108.25"},
    "ma_permission_removed": {"167": "108.25"},
    "mb_token_rotated": {"168": "108.25"},
    "mc_app_deleted": {"169": "108.25"},
    "md_app_reinstalled": {"170": "108.25"},
    "s321_a_paid": {"21": "100.00"},
    "s321_d_cancelled": {"24": ("100.00", "100.00")},
}

BY_WEBHOOKS_ALONE = {
    # The recorded selection has no totalRefundPending: the charge was lowered, and nothing says why.
    "bn2_refund_pending": {"166": ("108.25", "12.34")},
    "bn_refund_pending": {"48": ("108.25", "12.34")},
}

BY_A_POLL_ALONE = {
    # A first poll sees only the current state: it cannot distinguish these from orders that were paid in
    # part, nor from one that was charged too much and corrected.
    "bo_partial_chargeback": {"54": WAITS},
    "hf_charge_lowered_only": {"109": WAITS},
    "he_refund_without_lowering_charge": {"108": "108.25"},
}


@dataclass(frozen=True)
class Recorded:
    """One delivery as it was recorded."""

    name: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def delivery(self) -> Delivery:
        """As the connector gets it."""
        lower = {name.lower(): value for name, value in self.headers.items()}
        return Delivery(API_URL, self.headers["Saleor-Event"], lower, self.body)


@dataclass(frozen=True)
class Scenario:
    """The order deliveries of a scenario, and by their numbers the orders as the shop had them in the end."""

    name: str
    deliveries: tuple[Recorded, ...]
    final: Mapping[str, Any]

    def sequences(self) -> Iterable[Sequence[Recorded]]:
        """As recorded, backwards, twice, and shuffled."""
        yield self.deliveries
        yield self.deliveries[::-1]
        yield self.deliveries * 2
        for seed in range(3):
            twice = [*self.deliveries, *self.deliveries]
            random.Random(seed).shuffle(twice)  # noqa: S311  # not a secret
            yield twice


@cache
def scenarios() -> dict[str, Scenario]:
    """All scenarios by name."""
    with gzip.open(FOLDER / "recordings.json.gz", "rt") as file:
        content = json.load(file, parse_float=Decimal)
    return {name: _scenario(name, one) for name, one in content.items()}


def _scenario(name: str, content: dict[str, Any]) -> Scenario:
    its = [Recorded(one["name"], one["headers"], one["body"].encode()) for one in content["deliveries"]]
    orders = tuple(one for one in its if one.headers["Saleor-Event"].startswith("order_"))
    final = content["final_orders"] or [json.loads(its[-1].body, parse_float=Decimal)["order"]]
    return Scenario(name, orders, {order["number"]: order for order in final})


def expected(value: Any) -> tuple[Decimal, Decimal] | str:
    """An entry of the tables as sums, or the word in its place."""
    if value in (WAITS, NO_SALE, REPLACEMENT):
        return str(value)
    gross, refunded = value if isinstance(value, tuple) else (value, "0")
    return Decimal(gross), Decimal(refunded)


NOW = datetime(2026, 11, 28, tzinfo=UTC)
