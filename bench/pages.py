"""Calls of every page and endpoint of the plugin, found by walking its routes, so that none is forgotten."""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bench.world import BIG, EMP, contact_ref, email_of, link_id, number_of
from salepixel.flows.store import Flow, add_flow, get_flow, set_parts
from salepixel.keys import Keys
from salepixel.mails.mail import Kind
from salepixel.mails.proposals import Use
from salepixel.mails.store import Choice, StoredMail, add_mail, change_links, get_mail
from salepixel.settings import PluginSettings
from salepixel.storage.database import Database
from salepixel.storage.schema import sales
from salepixel.wire.redis import open_redis
from salepixel_plugin.app import attach, make_routes, prepare
from salepixel_plugin.paging import write_cursor

KEY = "the key of the bench"
OTHER = f"{0xC0000:012x}"
"""Another campaign, to compare with."""

MAIL = "0000000000ad"
MAP = "0000000000ae"
"""The e-mail of the campaign BIG."""

FLOW = "0000000000f1"
NEWSLETTER = "<a href='https://shop.test/shoes'>Shoes</a>"
PAGE = 100  # rows of a page of the API by default


@dataclass(frozen=True, slots=True)
class Place:
    """Values for the calls: a shop, its order, and a day and a cursor near the end of the sales of BIG."""

    shop_id: str
    day: datetime
    deep: str
    order: str = number_of(0)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an endpoint; `name` ends with the special case of the call, in brackets."""

    name: str
    method: str
    path: str
    body: Mapping[str, object] | None = None


NOT_CALLED = {
    "static": "a file",
    "pages.static": "a file",
    "pages.connect_shop": "as api.add_shop",
    "pages.change_shop": "as api.change_shop",
    "pages.show_frame": "reads one row by its key",
    "pages.show_document": "a file",
    "pages.show_order_widget": "as pages.explain_order, with a token of the shop's Dashboard",
    "pages.show_customer_widget": "as pages.show_contact, with a token of the shop's Dashboard",
    "pages.show_home_widget": "as pages.list_campaigns, with a token of the shop's Dashboard",
    "openapi.spec": "the same for everybody, made once",
    "pages.enter": "a form of a person who signs in",
    "pages.start": "a redirect",
    "pages.leave": "a form of a person who signs out",
    "pages.show_code": "a form of a person who signs in",
    "pages.enter_code": "a form of a person who signs in",
    "pages.show_invitation": "a form of a person who signs in",
    "pages.join": "a form of a person who signs in",
    "pages.show_me": "reads some rows of a person by their key",
    "pages.change_me": "writes a row of a person",
    "pages.change_my_password": "writes a row of a person",
    "pages.show_second_factor": "reads a row of a person by its key",
    "pages.begin_company": "asks an OpenID provider",
    "pages.end_company": "asks an OpenID provider",
    "pages.turn_on_second_factor": "writes some rows of a person",
    "pages.turn_off_second_factor": "writes some rows of a person",
    "pages.end_my_sessions": "deletes some rows of a person",
    "pages.change_members": "writes some rows of a person",
    "pages.change_owners": "writes some rows of a person",
    "pages.change_keys": "as api.add_key",
    "pages.switch_account": "a redirect",
    "pages.download_table": "a file, some rows at a time",
    "pages.download_account_items": "as pages.list_account_items, as a file",
    "pages.download_audit": "a file, some rows at a time",
    "pages.download_whole_audit": "as pages.download_audit",
    "saleor.register": "asks the shop",
    "saleor.take_delivery": "measured by the burst, and by `make bench ONLY=webhook`",
    "api.see_computed": "reads one row by its key",
    "api.remove_shop": "removes what other calls need",
    "api.remove_key": "revokes a key",
    "api.delete_mail": "removes what other calls need",
    "api.delete_campaign": "removes what other calls need",
    "api.undo_mail": "needs a tracked mail; as api.tracked_mail",
    "pages.undo_mail": "as api.undo_mail",
    "pages.show_undo": "a form",
    "pages.download_original": "as api.original_mail",
    "pages.manage": "as api.change_campaign and api.copy_campaign",
    "api.upload_list": "its time depends on the file",
    "api.see_list": "reads rows by their key, and a piece of a file",
    "api.import_list": "stores one row; the worker imports",
    "api.delete_list": "removes what other calls need",
    "api.download_errors": "a file of the worker",
    "api.download_send_list": "a file of the worker",
    "pages.upload_list": "as api.upload_list",
    "pages.show_list": "as api.see_list",
    "pages.change_list": "as api.import_list",
    "pages.download_errors": "a file of the worker",
    "pages.show_send_list": "a file of the worker",
    "pages.download_recipients": "a file, some rows at a time",
    "pages.change_recipients": "as api.change_campaign",
    "pages.open_contact": "reads some rows by their key",
    "pages.change_contact": "as api.add_contacts",
    "pages.new_account": "a form, for rights on all accounts",
    "pages.add_mail": "as api.add_mail",
    "pages.change_mail": "as api.change_mail",
    "pages.add_flow": "as api.add_flow",
    "pages.change_flow": "as api.put_part",
    "api.remove_part": "as api.put_part",
    "pages.download_mail": "as api.tracked_mail",
    "pages.apply_policy": "as api.apply_policy",
    "pages.close_month": "as api.close_month",
    "pages.requeue": "as api.requeue",
    "pages.retry_forwards": "as api.retry_forwards",
    "pages.change": "as api.patch_link",
    "pages.change_link_settings": "as api.change_account",
    "pages.find_person": "as api.export_person",
    "pages.search_orders": "as api.find_address",
    "pages.start_trial": "as api.start_trial",
    "pages.export_person": "as api.export_person",
    "pages.show_export": "reads one row by its key",
    "pages.erase_person": "as api.erase_person",
    "api.retry_erasure": "looks for the person in all deliveries, as api.erase_person",
    "pages.retry_erasure": "as api.retry_erasure",
    "api.close_erasure": "writes one row by its key, of an erasure whose key is lost",
    "pages.close_erasure": "as api.close_erasure",
    "pages.change_retention": "as api.change_retention",
    "pages.show_people_again": "as pages.show_people",
    "api.add_alert_address": "writes two rows",
    "api.test_alert_address": "writes a row",
    "api.remove_alert_address": "removes an address",
    "api.add_subscription": "writes a row",
    "api.end_subscription": "removes a row",
    "api.retry_reports": "marks few rows",
    "pages.add_subscription": "as api.add_subscription",
    "pages.end_subscription": "as api.end_subscription",
    "pages.retry_reports": "as api.retry_reports",
    "pages.show_end": "a form that reads nothing",
    "pages.end_reports": "as api.end_subscription",
    "api.invite_member": "writes a row, or asks an SMTP server",
    "api.withdraw_invitation": "removes a row",
    "api.change_member": "writes a row",
    "api.remove_member": "removes few rows",
    "api.put_smtp": "writes a row",
    "api.remove_smtp": "removes a row",
    "api.test_smtp": "asks an SMTP server",
    "pages.change_smtp": "as api.put_smtp",
    "pages.remove_smtp": "as api.remove_smtp",
    "pages.test_smtp": "as api.test_smtp",
    "pages.add_alert_address": "as api.add_alert_address",
    "pages.test_alert_address": "as api.test_alert_address",
    "pages.remove_alert_address": "as api.remove_alert_address",
    "pages.run_canary": "writes a row",
    "pages.check_now": "asks the tracking host and the shop",
    "pages.try_browser": "a redirect to the edge",
    "pages.set_up_account": "as api.change_account",
    "pages.add_shop": "as api.add_shop",
    "pages.resume_shop": "as api.change_shop",
    "pages.make_account": "as api.add_account",
    "pages.download_sales": "as api.list_sales_as_csv and api.list_sales_as_xlsx",
}
"""Endpoints that are not called, each with the reason."""

CHANGES_ALL = {
    "api.apply_policy": "decides every order of the account again",
    "api.change_account": "decides every order of the account again",
    "api.close_month": "checks whether an order of the month is still due",
    "api.change_campaign": "judges the clicks of the campaign again",
    "api.patch_link": "decides the orders since the campaign again",
    "api.erase_contact": "looks for the person in all deliveries",
    "api.erase_person": "looks for the person in all deliveries",
}
"""Endpoints that must write many rows; the bench does not measure them."""


def all_calls(app: APIFlask, at: Place) -> list[Call]:
    """One call of every endpoint, and more of those with filters and pages. Calls that only read come first.

    Raises LookupError for an endpoint that this file does not know: add a line for it.
    """
    found: list[Call] = []
    routes: Any = app.url_map
    urls = routes.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint in NOT_CALLED:
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
            values = _arguments(at)
            unknown = rule.arguments - values.keys()
            if unknown or (method != "GET" and rule.endpoint not in BODIES):
                what = f"the body of {method}" if not unknown else f"{', '.join(sorted(unknown))} of"
                raise LookupError(f"bench/pages.py does not know {what} {rule.rule} ({rule.endpoint})")
            path = urls.build(rule.endpoint, {name: values[name] for name in rule.arguments}, method)
            if rule.endpoint in QUERIES:
                path += f"?{QUERIES[rule.endpoint]}"
            body = BODIES[rule.endpoint](at) if method != "GET" else None
            found.append(Call(rule.endpoint, method, path, body))
            more = MORE[rule.endpoint](at) if rule.endpoint in MORE else {}
            for what, query in more.items():
                joint = "&" if "?" in path else "?"
                found.append(Call(f"{rule.endpoint} ({what})", method, f"{path}{joint}{query}", body))
    return sorted(found, key=lambda call: (call.method != "GET", call.name))


def _arguments(at: Place) -> dict[str, Any]:
    return {
        "emp_id": EMP,
        "campaign_id": BIG,
        "link_id": link_id(BIG, 0),
        "shop_id": at.shop_id,
        "name": at.order,
        "ref": contact_ref(1),
        "mail_id": MAIL,
        "trial": f"test-{int(_days_ago(1).timestamp()):08x}-0123abcd",
        "mailer": "mailchimp",
        "flow_id": FLOW,
    }


def _sales_in_parts(at: Place) -> dict[str, str]:
    day = f"{at.day:%Y-%m-%d}"
    later = f"{at.day + timedelta(days=6):%Y-%m-%d}"
    return {
        "deep": f"cursor={at.deep}",
        "one day": f"from={day}&to={day}",
        "a week": f"from={day}&to={later}",
    }


ORDERS_IN_PARTS: Mapping[str, Callable[[Place], str]] = {
    "last page": lambda at: f"to={_days_ago(360):%Y-%m-%d}",
    "attributed": lambda at: "outcome=attributed",
    "not attributed, by reason": lambda at: "outcome=unattributed&reason=no_click",
    "evidence": lambda at: "evidence=email",
    "campaign": lambda at: f"campaign={BIG}",
    "campaign, link and outcome": lambda at: f"campaign={BIG}&link={link_id(BIG, 0)}&outcome=attributed",
    "oldest first": lambda at: "sort=date",
    "by amount": lambda at: "sort=-amount",
    "by amount, campaign": lambda at: f"sort=-amount&campaign={BIG}",
    "by amount, one day": lambda at: f"sort=-amount&from={at.day:%Y-%m-%d}&to={at.day:%Y-%m-%d}",
    "by amount, outcome": lambda at: "sort=amount&outcome=attributed",
    "rare amount": lambda at: "min=9999",
    "usual amount and outcome": lambda at: "min=20&max=900&outcome=attributed",
    "nothing matches": lambda at: "outcome=attributed&shop=none&min=1",
    "number": lambda at: f"q={at.order}",
    "contact": lambda at: f"q={contact_ref(1)}",
    "address": lambda at: f"address={'0' * 32}-{'1' * 32}",
}
"""Filters of the list of orders: each has an index, or is applied to a limited number of orders."""


def _orders_in_parts(at: Place) -> dict[str, str]:
    return {what: query(at) for what, query in ORDERS_IN_PARTS.items()}


def _audit_in_parts() -> dict[str, str]:
    return {
        "of one": "actor=person:0123456789ab",
        "action": "action=campaign.created",
        "day": "from=2026-11-01",
    }


QUERIES = dict.fromkeys(
    (
        *(
            "api.export_contact",
            "api.erase_contact",
            "api.get_contact",
            "api.list_erasures",
            "api.list_orders",
        ),
        "api.list_audit",
    ),
    f"empId={EMP}",
)
"""The parameters that some endpoints require."""

SALES_IN_ORDER: Mapping[str, str] = {
    "evidence": "evidence=email",
    "search": "q=jacket",
    "nothing matches": "q=no such item",
    "by amount": "sort=-amount",
    "by amount, search": "sort=-amount&q=jacket",
    "oldest first": "sort=date",
}
"""Filters and sorts of sales: in a period of many orders, they read a limited number of sales."""

MORE: dict[str, Callable[[Place], dict[str, str]]] = {
    "pages.list_sales": lambda at: {
        **_sales_in_parts(at),
        **SALES_IN_ORDER,
        "one day by amount": f"from={at.day:%Y-%m-%d}&to={at.day:%Y-%m-%d}&sort=-amount",
    },
    "pages.contacts": lambda at: {
        "by orders": "sort=-orders",
        "deep": f"cursor={write_cursor(contact_ref(9))}",
    },
    "pages.items": lambda at: {"by name": "sort=item", "search": "q=jacket"},
    "pages.list_account_items": lambda at: {"28 days": "period=28d", "a year": _last_days(364)},
    "pages.links": lambda at: {"by orders": "sort=-orders"},
    "api.account_overview": lambda at: {"a year": f"{_last_days(364)}&compare=year"},
    "api.list_sales": lambda at: _sales_in_parts(at) | {"1000 rows": "limit=1000"},
    "pages.show_coverage": lambda at: {"92 days": _last_days(91)},
    "api.show_coverage": lambda at: {"92 days": _last_days(91)},
    "pages.compare_models": lambda at: {"30 days": _last_days(30)},
    "pages.list_orders": lambda at: _orders_in_parts(at),
    "api.list_orders": lambda at: {what: f"{query}&limit=10" for what, query in _orders_in_parts(at).items()},
    "pages.show_audit": lambda at: _audit_in_parts(),
    "api.list_audit": lambda at: _audit_in_parts(),
    "pages.show_account": lambda at: {"a year": "period=year&compare=year", "all": "period=all"},
    "pages.overview": lambda at: {"a week": "period=7d&compare=before", "beside another": f"with={OTHER}"},
    "pages.preview_policy": lambda at: {"linear": "window_days=14&model=linear"},
}
"""More queries of an endpoint: with filters, and for a page near the end."""

BODIES: dict[str, Callable[[Place], dict[str, object]]] = {
    "api.add_account": lambda at: {"empId": 99, "name": "Hats", "currency": "EUR"},
    "api.add_campaign": lambda at: {"empId": EMP, "name": "New", "links": [{"url": "https://shop.test/"}]},
    "api.add_contacts": lambda at: {
        "empId": EMP,
        "contacts": [{"ref": "new", "email": "new@shop.test"}, {"ref": "c00000001"}],
    },
    "api.add_coupons": lambda at: {"coupons": [{"code": "NEW", "ref": "c00000001"}]},
    "api.add_key": lambda at: {"name": "mailer"},
    "api.add_recipients": lambda at: {"contacts": ["c00000001", "new"]},
    "api.add_sales": lambda at: {
        "empId": EMP,
        "orders": [
            {
                "id": "new",
                "currency": "EUR",
                "placed_at": f"{at.day:%Y-%m-%dT%H:%M:%SZ}",
                "email": "c00000001@shop.test",
                "customer": "u",
                "lines": [{"item": "Shoes", "quantity": 1, "amount": "39.80"}],
            }
        ],
    },
    "api.add_flow": lambda at: {"empId": EMP, "name": "Welcome"},
    "api.put_part": lambda at: {},
    "api.add_mail": lambda at: {"empId": EMP, "name": "New", "text": NEWSLETTER},
    "api.change_mail": lambda at: {"merged": False},
    "api.make_campaign": lambda at: {},
    "api.copy_mail": lambda at: {},
    "api.copy_campaign": lambda at: {},
    "api.add_shop": lambda at: {"empId": EMP, "platform": "saleor", "api_url": "http://127.0.0.1:2/graphql/"},
    "api.apply_policy": lambda at: {"window_days": 6},
    "api.change_account": lambda at: {"name": "Boots"},
    "api.change_campaign": lambda at: {"sent_at": f"{_days_ago(1):%Y-%m-%dT%H:%M:%SZ}"},
    "api.change_retention": lambda at: {"deliveries": 400},
    "api.change_shop": lambda at: {"name": "Main"},
    "api.close_month": lambda at: {"month": f"{_days_ago(330):%Y-%m}"},
    "api.erase_contact": lambda at: {},
    "api.erase_person": lambda at: {"empId": EMP, "contact": contact_ref(1)},
    "api.export_person": lambda at: {"empId": EMP, "contact": contact_ref(1)},
    "api.make_fragment": lambda at: {
        "empId": EMP,
        "click": "",
        "order": number_of(0),
        "currency": "EUR",
        "lines": [{"product": "Shoes", "quantity": 1, "amount": "39.80"}],
    },
    "api.patch_link": lambda at: {"label": "Other"},
    "api.start_trial": lambda at: {"url": "https://shop.test/"},
    "api.preview_campaign": lambda at: {"empId": EMP, "name": "New", "text": NEWSLETTER},
    "api.find_address": lambda at: {"empId": EMP, "email": email_of(contact_ref(1))},
    "api.preview_policy": lambda at: {"window_days": 14, "model": "linear"},
    "api.requeue": lambda at: {"empId": EMP},
    "api.retry_forwards": lambda at: {"empId": EMP},
}


def _days_ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def _last_days(days: int) -> str:
    return f"from={_days_ago(days):%Y-%m-%d}&to={_days_ago(0):%Y-%m-%d}"


def find_place(database: Database, shop_id: str) -> Place:
    """The day in the middle of the sales of the campaign BIG, and the cursor after nine tenths of them.

    Stores a draft of an e-mail and a flow, if there are none.
    """
    with database.write() as connection:
        if get_mail(connection, MAIL) is None:
            now, body = datetime.now(UTC), NEWSLETTER.encode()
            draft = StoredMail(MAIL, EMP, "Draft", "plain", "{contact}", Kind.HTML, body, now, now)
            add_mail(connection, draft, {(0, 8): Choice(Use.SALES, "Shoes")})
            mail = replace(draft, id=MAP, campaign_id=BIG)
            add_mail(connection, mail, {(0, 8): Choice(Use.SALES, "Shoes")})
            change_links(connection, MAP, [((0, 8), {"link_id": link_id(BIG, 0)})])
        if get_flow(connection, FLOW) is None:
            add_flow(connection, Flow(FLOW, EMP, "Welcome", datetime.now(UTC)))
            set_parts(connection, FLOW, [BIG])
    s = sales.c
    with database.read() as connection:
        its = s.campaign_id == BIG
        count = connection.scalar(sa.select(sa.func.count()).select_from(sales).where(its)) or 0
        newest_first = (
            s.purchased_at.desc(),
            s.shop_id.desc(),
            s.order_id.desc(),
            s.line_id.desc(),
            s.click_id.desc(),
        )
        query = sa.select(s.purchased_at, s.shop_id, s.order_id, s.line_id, s.click_id).where(its)
        query = query.order_by(*newest_first)
        middle = connection.execute(query.offset(count // 2).limit(1)).one()
        # At least a whole page follows, if there are so many sales.
        last = max(0, min(count * 9 // 10, count - 1 - PAGE))
        deep = connection.execute(query.offset(last).limit(1)).one()
    time, shop, order, line, click = deep
    return Place(shop_id, middle.purchased_at, write_cursor(time, shop, order, line, click.hex()))


class Visitor:
    """A client with an API key."""

    def __init__(self, app: APIFlask, key: str = KEY) -> None:
        self.app, self._key = app, key
        self._client: FlaskClient = app.test_client()

    def ask(self, call: Call) -> TestResponse:
        """The whole answer of a call. Raises RuntimeError for an error, but not for 409 (a repeated call)."""
        more: dict[str, Any] = {} if call.body is None else {"json": call.body}
        headers = {"Authorization": f"Bearer {self._key}"}
        answer = self._client.open(call.path, method=call.method, headers=headers, **more)
        if answer.status_code >= 400 and answer.status_code != 409:
            raise RuntimeError(f"{call.name}: {answer.status_code} {answer.text[:300]}")
        for _ in answer.iter_encoded():
            pass  # an export is written while it is read
        answer.close()
        return answer


def open_plugin(database: Database, data: Path, keys: Keys) -> Visitor:
    """The plugin in this process, without Redis, on an existing database."""
    settings = PluginSettings.load({"SALEPIXEL_API_KEY": KEY, "SALEPIXEL_DATA": str(data)})
    redis = open_redis(f"unix://{data}/none.sock")
    prepare(settings, database, redis)
    app = make_routes()
    attach(app, settings, database=database, redis=redis, keys=keys)
    gc.freeze()  # as the plugin's server does
    return Visitor(app)
