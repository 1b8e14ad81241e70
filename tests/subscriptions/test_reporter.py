"""Reports are written down, sent once, retried, and end with their subscription; on both databases."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.store import Account, add_account
from salepixel.campaigns import use_cases as campaigns
from salepixel.campaigns.use_cases import NewCampaign, NewLink
from salepixel.keys import Keys
from salepixel.smtp.account import send_for
from salepixel.smtp.server import Encryption, Mail, Server
from salepixel.storage.database import Database
from salepixel.storage.schema import accounts, report_mails, subscriptions
from salepixel.subscriptions import store, use_cases
from salepixel.subscriptions.reporter import PAUSES, Reporter
from salepixel.subscriptions.rules import What
from salepixel.subscriptions.tokens import end_by_token, read_token, unsubscribe_token
from tests.smtp.post_office import post_office

SENT = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass
class Desk:
    """Account 7 with a campaign that was sent, and a reporter whose mails are kept."""

    database: Database
    keys: Keys
    campaign: str = ""
    answer: Callable[[Mail], str] = lambda mail: "sent"
    mails: list[Mail] = field(default_factory=list)

    def send(self, emp_id: int, mail: Mail) -> str:
        self.mails.append(mail)
        return self.answer(mail)

    def turn(self, now: datetime) -> list[str]:
        """A turn of a new process; the subjects that it sent."""
        before = len(self.mails)
        for thread in Reporter(self.database, self.keys, self.send, "https://p.test").turn(now):
            thread.join()
        return [mail.subject for mail in self.mails[before:]]

    def subscribe(
        self, what: What = What.CAMPAIGNS, address: str = "ana@shop.test", language: str = "en"
    ) -> str:
        campaign = self.campaign if what is What.CAMPAIGN else ""
        with self.database.write() as connection:
            return use_cases.subscribe(
                connection, INSTALLATION, self.keys, 7, what, campaign, address, language, SENT
            ).id

    def state(self) -> list[tuple[str, str, bool]]:
        with self.database.read() as connection:
            rows = store.list_reports(connection, 7, 50)
        return [(mail.kind, mail.answer, mail.next_at is not None) for mail in rows]


@pytest.fixture
def desk(database: Database, keys: Keys) -> Desk:
    found = Desk(database, keys)
    with database.write() as connection:
        add_account(connection, Account(7, "Shoes", "EUR", SENT - 60 * DAY))
        add_account(connection, Account(8, "Hats", "EUR", SENT - 60 * DAY))
        for emp_id in (8, 7):
            wanted = NewCampaign(emp_id, "Autumn", "plain", [NewLink("https://shop.test/")])
            made, _ = campaigns.create_campaign(connection, INSTALLATION, wanted, "spx", SENT - DAY)
            found.campaign = made.campaign.id
            campaigns.set_sent_at(connection, INSTALLATION, found.campaign, SENT)
    return found


def test_a_campaign_is_reported_one_three_and_seven_days_after_sending(desk: Desk) -> None:
    desk.subscribe()
    desk.subscribe(address="bo@shop.test", language="es")
    times = [SENT + hours * HOUR for hours in range(0, 240, 6)]
    assert sorted(subject for now in times for subject in desk.turn(now)) == [
        "Autumn: el primer día",
        "Autumn: los siete primeros días",
        "Autumn: los tres primeros días",
        "Autumn: the first day",
        "Autumn: the first seven days",
        "Autumn: the first three days",
    ]


def test_a_report_is_sent_once_however_it_is_wanted(desk: Desk) -> None:
    for what in (What.CAMPAIGNS, What.CAMPAIGN, What.CAMPAIGNS):
        desk.subscribe(what)
    assert desk.turn(SENT + DAY) == ["Autumn: the first day"]
    with desk.database.write() as connection:
        for one in store.list_subscriptions(connection, 7):
            store.remove_subscription(connection, one.id)
    desk.subscribe(address="ANA@shop.test")
    assert desk.turn(SENT + DAY + HOUR) == []


def test_a_closed_month_is_reported(desk: Desk) -> None:
    desk.subscribe(What.MONTHS)
    assert desk.turn(SENT + DAY) == []
    with desk.database.write() as connection:
        closed = datetime(2026, 11, 1, tzinfo=UTC)
        connection.execute(sa.update(accounts).where(accounts.c.emp_id == 7).values(closed_before=closed))
    assert desk.turn(SENT + 2 * DAY) == ["October 2026 in review: Shoes"]
    assert desk.turn(SENT + 3 * DAY) == []


def test_a_crash_between_sending_and_the_note_repeats_the_same_mail(desk: Desk) -> None:
    desk.subscribe()

    def crash(mail: Mail) -> str:
        raise RuntimeError("the process ends here")

    desk.answer = crash
    assert desk.turn(SENT + DAY) == ["Autumn: the first day"]
    assert desk.turn(SENT + DAY) == []
    desk.answer = lambda mail: "sent"
    assert desk.turn(SENT + DAY + HOUR) == ["Autumn: the first day"]
    assert len({mail.id for mail in desk.mails}) == 1
    assert desk.turn(SENT + DAY + 2 * HOUR) == []


def test_a_failed_report_is_retried_later_and_later_then_given_up(desk: Desk) -> None:
    desk.subscribe()
    desk.answer = lambda mail: "wrong_password"
    now = SENT + DAY
    for pause in (*PAUSES, None):
        assert desk.turn(now) == ["Autumn: the first day"]
        assert desk.turn(now) == []
        now += pause or HOUR
    assert desk.state() == [("day_1", "wrong_password", False)]
    assert desk.turn(now) == []
    with desk.database.write() as connection:
        assert use_cases.retry_reports(connection, INSTALLATION, 7, now) == 1
    desk.answer = lambda mail: "sent"
    assert desk.turn(now) == ["Autumn: the first day"]
    assert desk.state() == [("day_1", "sent", False)]
    with desk.database.write() as connection:
        assert use_cases.retry_reports(connection, INSTALLATION, 7, now) == 0


def test_an_address_that_does_not_exist_is_not_tried_again(desk: Desk) -> None:
    desk.subscribe()
    desk.answer = lambda mail: "recipient_rejected"
    desk.turn(SENT + DAY)
    assert desk.state() == [("day_1", "recipient_rejected", False)]


def test_a_mail_has_the_link_that_ends_it(desk: Desk) -> None:
    its_id = desk.subscribe()
    desk.turn(SENT + DAY)
    (mail,) = desk.mails
    token = unsubscribe_token(desk.keys, its_id)
    link = f"https://p.test/reports/end/{token}"
    assert mail.headers["List-Unsubscribe"] == f"<{link}>"
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in mail.text
    assert link in mail.html
    assert f"https://p.test/campaigns/{desk.campaign}" in mail.html
    with desk.database.write() as connection:
        assert not end_by_token(connection, desk.keys, f"{its_id}.{'0' * 32}")
        assert store.get_subscription(connection, its_id) is not None
        assert end_by_token(connection, desk.keys, token)
        assert store.get_subscription(connection, its_id) is None
        assert end_by_token(connection, desk.keys, token)
    assert desk.turn(SENT + 3 * DAY) == []


@pytest.mark.parametrize("text", ["", ".", "a", "a.b", "ñ.ñ", "a.b.c"])
def test_another_token_is_not_ours(keys: Keys, text: str) -> None:
    assert read_token(keys, text) is None


def test_a_token_outlives_a_rotation_of_keys(keys: Keys) -> None:
    rotated = Keys(2, {**keys.secrets, 2: b"x" * 32})
    assert read_token(rotated, unsubscribe_token(keys, "0a1b")) == "0a1b"


def test_a_removed_campaign_has_no_report(desk: Desk) -> None:
    desk.subscribe()
    with desk.database.write() as connection:
        store.write_due(connection, SENT + DAY)
        campaigns.set_sent_at(connection, INSTALLATION, desk.campaign, None)
    assert desk.turn(SENT + DAY) == []
    assert desk.state() == [("day_1", "gone", False)]


def test_an_address_is_encrypted(desk: Desk) -> None:
    desk.subscribe()
    desk.turn(SENT + DAY)
    with desk.database.read() as connection:
        rows = [*connection.execute(sa.select(subscriptions)), *connection.execute(sa.select(report_mails))]
    assert "ana" not in str(rows)


def test_a_report_goes_out_by_a_real_server(desk: Desk) -> None:
    desk.subscribe(language="es")
    with post_office() as office:
        server = Server("127.0.0.1", office.port, Encryption.NONE, "", "news@shop.test", "Shoes", own=True)
        send = partial(send_for, desk.database, desk.keys, server)
        for thread in Reporter(desk.database, desk.keys, send, "https://p.test").turn(SENT + DAY):
            thread.join()
    assert desk.state() == [("day_1", "sent", False)]
    (mail,) = office.mails
    assert (mail["To"], mail["Subject"]) == ("ana@shop.test", "Autumn: el primer día")
    assert mail.get_content_type() == "multipart/alternative"
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    for part in (plain, rich):
        assert "Aún no se ha atribuido ningún pedido." in part.get_content()
    assert mail["List-Unsubscribe"].startswith("<https://p.test/reports/end/")
