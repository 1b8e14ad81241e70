"""`salepixel campaign`: campaigns from e-mails, in a terminal."""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from salepixel.accounts.declined import Declined, NotFound
from salepixel.accounts.principal import COMMAND_LINE
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.links import LinkSealer
from salepixel.campaigns.use_cases import archive_campaign, rename_campaign, see_campaign
from salepixel.keys import BadKeys, existing_keys
from salepixel.logs import write_line, write_problem
from salepixel.mailers.known import PLATFORMS
from salepixel.mails import store, use_cases
from salepixel.mails.cautions import base_of, cautions_of
from salepixel.mails.mail import read_mail
from salepixel.mails.tracking_host import host_problem
from salepixel.mails.use_cases import Change
from salepixel.mails.view import MailView, Tracking
from salepixel.reading.text import read_text
from salepixel.reading.times import rfc3339
from salepixel.settings import BadSettings, PluginSettings
from salepixel.storage.database import (
    Database,
    DatabaseUnavailable,
    UnsafeDatabase,
    open_database,
    require_current,
)
from salepixel.wire import outgoing

_MOST = 1000
_NAME = 200


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do one action. Returns 1 if it was declined, 2 for settings or a database that cannot be used."""
    asked = _parser().parse_args(arguments)
    try:
        settings = PluginSettings.load(environ)
        outgoing.allow_private(settings.private_networks)
        database = open_database(settings.database_url, settings.data)
        require_current(database)
        tracking = Tracking(
            LinkSealer(existing_keys(settings.keys_file)), settings.edge_url, settings.click_parameter
        )
        _ACTIONS[asked.action](database, tracking, asked)
    except (BadSettings, BadKeys, UnsafeDatabase, DatabaseUnavailable) as problem:
        write_problem(str(problem))
        return 2
    except (Declined, OSError) as problem:
        write_problem(f"salepixel: {problem}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="salepixel campaign",
        description="Campaigns from e-mails. Edges use a change within a minute.",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    listed = actions.add_parser("list", help="list the drafts and campaigns, newest first")
    listed.add_argument("--account", type=int, help="only this empId")
    listed.add_argument("--archived", action="store_true", help="list the archived campaigns")
    new = actions.add_parser("new", help="store an e-mail as a draft, and list its links and warnings")
    new.add_argument("file", type=Path, help="HTML, text or an .eml message")
    new.add_argument("--account", type=int, required=True, help="the account's empId")
    new.add_argument("--name", required=True, help="the name of the campaign")
    new.add_argument("--mailer", default="plain", choices=list(PLATFORMS), help="the e-mail platform")
    new.add_argument("--tag", help="the platform's merge tag for the contact's reference")
    track = actions.add_parser("track", help="write the tracked e-mail; creates the campaign of a draft")
    track.add_argument("id", help="the e-mail, as `new` and `list` print it")
    track.add_argument("output", type=Path, help="the file to write")
    undo = actions.add_parser("undo", help="write a tracked e-mail with its original links")
    undo.add_argument("file", type=Path, help="the tracked e-mail")
    undo.add_argument("output", type=Path, help="the file to write")
    rename = actions.add_parser("rename", help="rename a draft or a campaign")
    copy = actions.add_parser("copy", help="duplicate a draft or a campaign")
    for one in (rename, copy):
        one.add_argument("id", help="the draft or the campaign")
        one.add_argument("name", help="the new name")
    for name, what in (
        ("archive", "take a campaign out of the lists; its figures and links stay"),
        ("restore", "put an archived campaign back"),
        ("delete", "delete a draft, or a campaign without clicks"),
    ):
        actions.add_parser(name, help=what).add_argument("id", help="the draft or the campaign")
    return parser


def _list(database: Database, tracking: Tracking, asked: argparse.Namespace) -> None:
    with database.read() as connection:
        drafts = [] if asked.archived else store.list_drafts(connection, asked.account, _MOST)
        found = campaigns.list_campaigns(connection, asked.account, _MOST, None, archived=asked.archived)
        mails = {one.id: store.mail_of(connection, one.id) for one in found}
    for draft in drafts:
        write_line(f"{draft.id} draft    {rfc3339(draft.changed_at)} {draft.emp_id} {draft.name}")
    for one in found:
        of_mail = f" (e-mail {mails[one.id]})" if mails[one.id] else ""
        write_line(f"{one.id} campaign {rfc3339(one.created_at)} {one.emp_id} {one.name}{of_mail}")


def _new(database: Database, tracking: Tracking, asked: argparse.Namespace) -> None:
    mail, now = read_mail(asked.file.read_bytes()), datetime.now(UTC)
    name = read_text(asked.name, _NAME)
    with database.write() as connection:
        view = use_cases.add_mail(
            connection, COMMAND_LINE, tracking, asked.account, name, asked.mailer, asked.tag, mail, now
        )
    write_line(view.stored.id)
    for one in view.links:
        write_line(f"{one.choice.use:8} {one.proposal.why:16} {one.choice.label}  {one.found.address}")
    _warn(view, tracking)


def _track(database: Database, tracking: Tracking, asked: argparse.Namespace) -> None:
    view = _see(database, tracking, asked.id)
    with database.write() as connection:
        view = use_cases.make_campaign(connection, COMMAND_LINE, tracking, view, datetime.now(UTC))
    with database.read() as connection:
        _, body = use_cases.tracked_mail(connection, COMMAND_LINE, tracking, asked.id)
    _warn(view, tracking)
    asked.output.write_bytes(body)


def _undo(database: Database, tracking: Tracking, asked: argparse.Namespace) -> None:
    mail = read_mail(asked.file.read_bytes())
    with database.read() as connection:
        body = use_cases.undo_mail(connection, COMMAND_LINE, tracking, mail)
    asked.output.write_bytes(body)


def _rename(database: Database, tracking: Tracking, asked: argparse.Namespace) -> None:
    name, now = read_text(asked.name, _NAME), datetime.now(UTC)
    view = _draft(database, tracking, asked.id)
    with database.write() as connection:
        if view is None:
            rename_campaign(connection, COMMAND_LINE, asked.id, name)
        else:
            use_cases.change_mail(connection, COMMAND_LINE, view, Change({}, name=name), now)


def _copy(database: Database, tracking: Tracking, asked: argparse.Namespace) -> None:
    name, now = read_text(asked.name, _NAME), datetime.now(UTC)
    with database.write() as connection:
        if _is_campaign(connection, asked.id):
            made = use_cases.copy_campaign(connection, COMMAND_LINE, tracking, asked.id, name, now)
            write_line(str(made.mail_id or made.campaign_id))
        else:
            write_line(use_cases.copy_mail(connection, COMMAND_LINE, asked.id, name, now))


def _archive(database: Database, tracking: Tracking, asked: argparse.Namespace) -> None:
    with database.write() as connection:
        at = datetime.now(UTC) if asked.action == "archive" else None
        archive_campaign(connection, COMMAND_LINE, asked.id, at)


def _delete(database: Database, tracking: Tracking, asked: argparse.Namespace) -> None:
    with database.write() as connection:
        if _is_campaign(connection, asked.id):
            use_cases.delete_campaign(connection, COMMAND_LINE, asked.id)
        else:
            use_cases.delete_draft(connection, COMMAND_LINE, asked.id)


_ACTIONS = {
    "list": _list,
    "new": _new,
    "track": _track,
    "undo": _undo,
    "rename": _rename,
    "copy": _copy,
    "archive": _archive,
    "restore": _archive,
    "delete": _delete,
}


def _see(database: Database, tracking: Tracking, mail_id: str) -> MailView:
    with database.read() as connection:
        return use_cases.see_mail(connection, COMMAND_LINE, tracking, mail_id)


def _draft(database: Database, tracking: Tracking, name: str) -> MailView | None:
    """The draft with this id; None if it is the id of a campaign."""
    with database.read() as connection:
        is_campaign = _is_campaign(connection, name)
    return None if is_campaign else _see(database, tracking, name)


def _is_campaign(connection: sa.Connection, name: str) -> bool:
    with suppress(NotFound):
        see_campaign(connection, COMMAND_LINE, name)
        return True
    return False


def _warn(view: MailView, tracking: Tracking) -> None:
    for caution in cautions_of(view, tracking, host_problem(base_of(view, tracking))):
        words = " ".join(f"{name}={value}" for name, value in caution.words.items())
        write_problem(f"warning: {caution.risk} {words}")
