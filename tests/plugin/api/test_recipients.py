"""Some contacts are held out at random, and both groups are compared by all their orders."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from salepixel.campaigns.recipients import assign_recipients
from salepixel.keys import Keys
from tests.plugin.conftest import HATS, SHOES, Office

NOW = datetime.now(UTC).replace(microsecond=0)
SENT = NOW - timedelta(days=9)
PEOPLE = [f"c{n}" for n in range(400)]


def made(office: Office, percent: int = 50) -> str:
    campaign = office.campaign(emp_id=7) if not percent else None
    if campaign is None:
        links = [{"url": "https://shop.test/p/1", "sale_pixel": True}]
        wanted = {"empId": 7, "name": "Autumn", "holdout_percent": percent, "links": links}
        campaign = office.post("/campaigns", wanted)
        assert campaign["holdout_percent"] == percent
    contacts = [{"ref": ref, "email": f"{ref}@example.com"} for ref in PEOPLE]
    office.post("/contacts", {"empId": 7, "contacts": contacts})
    return str(campaign["id"])


def assigned(office: Office, campaign: str, sent: datetime | None = SENT) -> tuple[list[str], list[str]]:
    """The recipients are stored, and then the mail is sent."""
    answer = office.post(f"/campaigns/{campaign}/recipients", {"contacts": PEOPLE}, SHOES)
    assert sorted(answer["mail"] + answer["hold_out"]) == sorted(PEOPLE)
    if sent:
        set_sent_at(office, campaign, sent)
    return answer["mail"], answer["hold_out"]


def set_sent_at(office: Office, campaign: str, sent: datetime) -> None:
    answer = office.call("PATCH", f"/campaigns/{campaign}", {"sent_at": sent.isoformat()})
    assert answer.status_code == 200


def buys(office: Office, ref: str, days: float = 1, **reported: Any) -> None:
    order = {
        "id": f"{ref} {days}",
        "email": f"{ref}@example.com",
        "placed_at": (SENT + timedelta(days=days)).isoformat(),
        "lines": [{"item": "Shoes", "quantity": 1, "amount": "10.00"}],
    }
    office.order(**(order | reported))


def test_the_random_assignment_is_the_same_every_time(office: Office) -> None:
    campaign = made(office, 20)
    mail, out = assigned(office, campaign)
    assert 45 < len(out) < 120
    assert assigned(office, campaign) == (mail, out)
    one = office.post(f"/campaigns/{campaign}/recipients", {"contacts": out[:1]})
    assert one == {"mail": [], "hold_out": out[:1], "not_measured": []}


def test_nobody_is_added_after_the_comparison_has_ended(office: Office) -> None:
    campaign = made(office)
    assigned(office, campaign)
    assert office.call("POST", f"/campaigns/{campaign}/recipients", {"contacts": ["new"]}).status_code == 409
    again = office.call("POST", f"/campaigns/{campaign}/recipients", {"contacts": PEOPLE[:5]})
    assert again.status_code == 200, "who is in it may be asked for again"


def test_an_assignment_stays_when_the_keys_change(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = made(office)
    first = assigned(office, campaign)
    monkeypatch.setattr(Keys, "holdout_secret", b"another")
    assert assigned(office, campaign) == first


def test_a_contact_who_opted_out_is_in_no_group(office: Office) -> None:
    campaign = made(office)
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "c0", "consent": False}]})
    answer = office.post(f"/campaigns/{campaign}/recipients", {"contacts": PEOPLE}, SHOES)
    assert answer["not_measured"] == ["c0"]
    assert "c0" in answer["mail"], "the mail itself is not what they refused"
    later = answer["hold_out"][0]
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": later, "consent": False}]})
    set_sent_at(office, campaign, SENT)
    for ref in ("c0", later):
        buys(office, ref)
    reported = office.get(f"/campaigns/{campaign}/lift")
    assert reported["mailed"]["people"] + reported["held_out"]["people"] == len(PEOPLE) - 2
    assert (reported["mailed"]["buyers"], reported["held_out"]["buyers"]) == (0, 0)
    assert (reported["mailed"]["opted_out"], reported["held_out"]["opted_out"]) == (0, 1), (
        "c0 never was in a group"
    )


def test_contacts_who_opt_out_after_the_mail_are_in_no_group_and_are_counted(office: Office) -> None:
    """Only the mailed group sees the opt-out link and loses people, so the loss must be shown."""
    campaign = made(office)
    mail, out = assigned(office, campaign)
    leaving = [{"ref": ref, "consent": False} for ref in (*mail[:30], *out[:2])]
    for ref in (mail[0], mail[40]):
        buys(office, ref)
    office.post("/contacts", {"empId": 7, "contacts": leaving})
    reported = office.get(f"/campaigns/{campaign}/lift")
    counted = [(reported[group]["people"], reported[group]["opted_out"]) for group in ("mailed", "held_out")]
    assert counted == [(len(mail) - 30, 30), (len(out) - 2, 2)]
    assert reported["mailed"]["buyers"] == 1
    assert "Not counted: 30 people in the e-mail group and 2 in the control group" in reported["explanation"]
    spanish = office.get(f"/campaigns/{campaign}/lift?lang=es")["explanation"]
    assert "No se cuentan 30 personas del grupo con e-mail ni 2 del grupo de control" in spanish


def test_contacts_with_the_same_address_are_one_person_in_one_group(office: Office) -> None:
    campaign = made(office)
    family = [{"ref": f"f{n}", "email": "family@example.com"} for n in range(40)]
    office.post("/contacts", {"empId": 7, "contacts": family})
    refs = [one["ref"] for one in family]
    answer = office.post(f"/campaigns/{campaign}/recipients", {"contacts": refs})
    assert refs in (answer["mail"], answer["hold_out"])
    assigned(office, campaign)
    buys(office, "family")
    reported = office.get(f"/campaigns/{campaign}/lift")
    theirs = reported["mailed"] if answer["mail"] else reported["held_out"]
    assert (theirs["buyers"], theirs["orders"], theirs["net"][0]["amount"]) == (1, 1, "10.00")
    assert reported["mailed"]["people"] + reported["held_out"]["people"] == len(PEOPLE) + 1


def test_all_paid_orders_of_both_groups_count_whichever_click_earned_them(office: Office) -> None:
    campaign = made(office)
    mail, out = assigned(office, campaign)
    for ref in mail[:60]:
        buys(office, ref)
    buys(office, mail[0], 2, refunded="4.00")
    for ref in out[:3]:
        buys(office, ref)
    buys(office, out[3], 8)  # after the window
    buys(office, out[4], -1)  # before the mail
    buys(office, out[5], paid=False)
    buys(office, out[6], paid=False, cancelled=True)
    buys(office, out[7], cancelled=True)  # paid, and cancelled since
    buys(office, "stranger")
    reported = office.get(f"/campaigns/{campaign}/lift", SHOES)
    assert reported["state"] == "more"
    assert reported["mailed"] == {
        "people": len(mail),
        "without_address": 0,
        "opted_out": 0,
        "buyers": 60,
        "rate": round(60 / len(mail), 6),
        "orders": 61,
        "net": [{"currency": "EUR", "amount": "606.00"}],
    }
    assert (reported["held_out"]["people"], reported["held_out"]["buyers"]) == (len(out), 3)
    assert reported["low"] > 0
    assert reported["low"] < reported["difference"] < reported["high"]
    assert reported["extra_low"] < reported["extra_buyers"] < reported["extra_high"]
    assert reported["extra_buyers"] == pytest.approx(reported["difference"] * len(mail), abs=0.1)
    assert reported["explanation"].startswith("The e-mail caused sales: ")
    assert "El e-mail generó ventas" in office.get(f"/campaigns/{campaign}/lift?lang=es")["explanation"]


def test_a_small_shop_reads_that_the_lift_is_unknown(office: Office) -> None:
    campaign = made(office)
    mail, out = assigned(office, campaign)
    for ref in (*mail[:3], *out[:1]):
        buys(office, ref)
    reported = office.get(f"/campaigns/{campaign}/lift")
    assert reported["state"] == "not_enough_data"
    assert reported["needed"] > len(PEOPLE)
    assert "Not enough data" in reported["explanation"]


def test_sales_are_counted_by_the_accounts_terms(office: Office) -> None:
    campaign = made(office)
    mail, _ = assigned(office, campaign)
    buys(office, mail[0], total="15.00")  # five of them for shipping, which this account does not count
    assert office.get(f"/campaigns/{campaign}/lift")["mailed"]["net"] == [
        {"currency": "EUR", "amount": "10.00"}
    ]


@pytest.mark.parametrize(("buyers", "said"), [(0, "Nobody in either group bought"), (1, "No difference")])
def test_without_a_difference_no_needed_number_of_recipients_is_given(
    office: Office, buyers: int, said: str
) -> None:
    campaign = made(office)
    contacts = [{"ref": "l", "email": "l@example.com"}, {"ref": "r", "email": "r@example.com"}]
    office.post("/contacts", {"empId": 7, "contacts": contacts})
    with office.database.write() as connection:
        assign_recipients(connection, campaign, {"l": 9999, "r": 0})
    set_sent_at(office, campaign, SENT)
    for ref in ("l", "r")[: 2 * buyers]:
        buys(office, ref)
    reported = office.get(f"/campaigns/{campaign}/lift")
    assert reported["needed"] is None
    assert reported["explanation"].startswith(said)


def test_recipients_without_an_address_do_not_count_as_non_buyers(office: Office) -> None:
    campaign = made(office)
    nobody = [f"x{n}" for n in range(20)]
    office.post(f"/campaigns/{campaign}/recipients", {"contacts": nobody})
    set_sent_at(office, campaign, SENT)
    reported = office.get(f"/campaigns/{campaign}/lift")
    assert reported["state"] == "no_addresses"
    assert reported["mailed"]["without_address"] + reported["held_out"]["without_address"] == 20
    assert "address" in reported["explanation"]


def test_a_held_out_contact_who_clicks_stays_in_the_control_group(office: Office) -> None:
    campaign = made(office)
    _, out = assigned(office, campaign)
    whole = office.get(f"/campaigns/{campaign}")
    office.click(whole, out[0], SENT + timedelta(days=1))
    buys(office, out[0], 2)
    reported = office.get(f"/campaigns/{campaign}/lift")
    assert (reported["contaminated"], reported["held_out"]["buyers"], reported["mailed"]["buyers"]) == (
        1,
        1,
        0,
    )


@pytest.mark.parametrize(
    ("percent", "sent", "assign", "state"),
    [
        (0, SENT, False, "no_holdout"),
        (50, None, True, "not_sent"),
        (50, SENT, False, "nobody"),
        (50, NOW - timedelta(days=3), True, "running"),
    ],
)
def test_an_unknown_lift_is_explained(
    office: Office, percent: int, sent: datetime | None, assign: bool, state: str
) -> None:
    campaign = made(office, percent)
    if assign:
        assigned(office, campaign, sent)
    elif sent:
        set_sent_at(office, campaign, sent)
    reported = office.get(f"/campaigns/{campaign}/lift")
    assert reported["state"] == state
    assert reported["explanation"]


def test_without_a_holdout_setting_nobody_is_held_out(office: Office) -> None:
    path = f"/campaigns/{made(office, 0)}/recipients"
    answer = office.post(path, {"contacts": PEOPLE}, SHOES)
    assert answer == {"mail": PEOPLE, "hold_out": [], "not_measured": []}


def test_a_holdout_is_at_most_half_and_belongs_to_its_account(office: Office) -> None:
    links = [{"url": "https://shop.test/p/1"}]
    for percent in (-1, 51, "10%"):
        wanted = {"empId": 7, "name": "x", "holdout_percent": percent, "links": links}
        assert office.call("POST", "/campaigns", wanted).status_code == 422
    campaign = made(office)
    assert office.call("POST", f"/campaigns/{campaign}/recipients", {"contacts": []}, HATS).status_code == 404
    assert office.call("GET", f"/campaigns/{campaign}/lift", key=HATS).status_code == 404


def test_a_holdout_is_switched_on_after_the_list_and_before_sending(office: Office) -> None:
    campaign = made(office, 0)
    office.post(f"/campaigns/{campaign}/recipients", {"contacts": PEOPLE}, SHOES)
    before = office.get(f"/campaigns/{campaign}")
    assert (before["listed"], before["held_out"], before["sent_count"]) == (len(PEOPLE), 0, None)
    changed = office.call("PATCH", f"/campaigns/{campaign}", {"holdout_percent": 20}, SHOES).json or {}
    mail, out = assigned(office, campaign, None)
    assert changed["held_out"] == len(out) > 40
    assert changed["listed"] == len(mail) + len(out)
    office.call("PATCH", f"/campaigns/{campaign}", {"holdout_percent": 40}, SHOES)
    assert set(out) < set(assigned(office, campaign, None)[1]), "a greater share keeps who was in it"
    assert office.get(f"/campaigns/{campaign}")["listed"] == len(PEOPLE), "a list is safe to repeat"


@pytest.mark.parametrize("planned", [None, NOW + timedelta(days=1)])
def test_a_holdout_does_not_change_after_a_click_of_a_contact(
    office: Office, planned: datetime | None
) -> None:
    campaign = office.campaign()
    if planned:
        set_sent_at(office, campaign["id"], planned)
    path = f"/campaigns/{campaign['id']}"
    office.click(campaign, "")  # a test e-mail, whose merge tag was not filled in
    assert office.call("PATCH", path, {"holdout_percent": 20}, SHOES).status_code == 200
    office.click(campaign, "c1")
    for percent in (0, 30):
        refused = office.call("PATCH", path, {"holdout_percent": percent}, SHOES)
        assert (refused.status_code, (refused.json or {})["reason"]) == (409, "holdout_after_sending")
    page = office.page(f"{path}/recipients", SHOES).text
    assert "a contact clicked in it, so the control group can no longer change" in page
    assert 'name="percent"' not in page


def test_a_holdout_does_not_change_after_sending(office: Office) -> None:
    campaign = made(office, 20)
    assigned(office, campaign)
    refused = office.call("PATCH", f"/campaigns/{campaign}", {"holdout_percent": 30}, SHOES)
    assert (refused.status_code, (refused.json or {})["reason"]) == (409, "holdout_after_sending")
    assert office.call("PATCH", f"/campaigns/{campaign}", {"holdout_percent": 20}, SHOES).status_code == 200
    typed = office.call("PATCH", f"/campaigns/{campaign}", {"sent_count": 500}, SHOES).json or {}
    assert (typed["sent_count"], typed["holdout_percent"]) == (500, 20)
    for wrong in (0, -1, 10**10, "many"):
        answer = office.call("PATCH", f"/campaigns/{campaign}", {"sent_count": wrong}, SHOES)
        assert answer.status_code == 422
