"""The command `salepixel`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import entry_points, version
from pathlib import Path

from salepixel.keys import BadKeys, accept_keys
from salepixel.logs import configure_logs, write_line, write_problem
from salepixel.settings import BadSettings, PluginSettings, StorageSettings, environment
from salepixel.stack.embedded import NoEmbeddedRedis
from salepixel.stack.supervisor import CannotStart, Supervisor

_SERVICES = {"journal": "edge", "rebuild": "worker"}
"""Command -> the service that has it as an entry point in the group `salepixel.commands`."""

_MAX_LISTED = 100


def main() -> None:
    """Run a command. Exits with 2 for wrong arguments or settings, with 1 for other failures."""
    parser = argparse.ArgumentParser(
        prog="salepixel",
        description="Which e-mail led to this order? Documentation: docs/ in the source tree.",
    )
    parser.add_argument("--version", action="version", version=f"salepixel {version('salepixel')}")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start edge, plugin and worker, with an embedded Valkey and SQLite")
    up.add_argument("--data", type=Path, help="folder for keys, journals and stores (SALEPIXEL_DATA)")
    journal = commands.add_parser(
        "journal", help="list, verify or replay the edge's journals", add_help=False
    )
    journal.add_argument("--data", type=Path, help="folder of the edge (SALEPIXEL_DATA)")
    rebuild = commands.add_parser(
        "rebuild", help="decide every order again; with --verify, only compare", add_help=False
    )
    rebuild.add_argument("--data", type=Path, help="folder of the worker (SALEPIXEL_DATA)")
    campaign = commands.add_parser(
        "campaign", help="create campaigns from e-mails, list, track, undo, archive them", add_help=False
    )
    campaign.add_argument("--data", type=Path, help="folder of the stores (SALEPIXEL_DATA)")
    rates = commands.add_parser("rates", help="show the exchange rates in use, or refresh them")
    rates.add_argument("--data", type=Path, help="folder of the stores (SALEPIXEL_DATA)")
    rates.add_argument("action", nargs="?", choices=("show", "refresh"), default="show")
    rates.add_argument(
        "source", nargs="?", default="", help="a file or address; by default the bank's address"
    )
    accept = commands.add_parser(
        "accept-keys",
        help="accept the present keys.json, or create a new one, after the original was lost",
    )
    accept.add_argument("--data", type=Path, help="folder of keys.json (SALEPIXEL_DATA)")
    doctor = commands.add_parser(
        "doctor", help="check the installation and each account; exits with 1 if something is broken"
    )
    doctor.add_argument("--data", type=Path, help="folder of the installation (SALEPIXEL_DATA)")
    deliveries = commands.add_parser(
        "deliveries", help="list the deliveries that could not be parsed, or print one as received"
    )
    deliveries.add_argument("--data", type=Path, help="folder of the stores (SALEPIXEL_DATA)")
    deliveries.add_argument("digest", nargs="?", default="", help="the delivery to print, with its headers")
    person = commands.add_parser(
        "person",
        help="export or erase all data of a contact; or print the link of an invitation or a new password",
    )
    person.add_argument("--data", type=Path, help="folder of the stores (SALEPIXEL_DATA)")
    person.add_argument("action", choices=("export", "erase", "invite"))
    person.add_argument(
        "--account", type=int, help="the account's empId; an invitation without it is to all accounts"
    )
    person.add_argument("--role", choices=("owner", "editor", "viewer"), default="owner", help="with invite")
    person.add_argument(
        "--without-second-factor", action="store_true", help="with invite: turns off a lost second factor"
    )
    person.add_argument(
        "who", help="a contact's reference or an e-mail address; - reads it from standard input"
    )
    person.add_argument("--yes", action="store_true", help="erase; without this option, only count the rows")
    key = commands.add_parser("key", help="create, list or revoke API keys of an account")
    key.add_argument("--data", type=Path, help="folder of the stores (SALEPIXEL_DATA)")
    key.add_argument("action", choices=("create", "list", "revoke"))
    key.add_argument("--account", type=int, required=True, help="the account's empId")
    key.add_argument("--name", default="command line", help="with create")
    key.add_argument("--scope", choices=("read", "write", "sales"), default="read", help="with create")
    key.add_argument("--days", type=int, help="with create: how long it is valid; without it, for ever")
    key.add_argument("--id", default="", help="with revoke")
    importing = commands.add_parser("import", help="import a CSV file of contacts or recipients")
    importing.add_argument("--data", type=Path, help="folder of the stores (SALEPIXEL_DATA)")
    importing.add_argument("--account", type=int, required=True, help="the account's empId")
    importing.add_argument("--campaign", help="the campaign whose recipients they are")
    importing.add_argument(
        "--columns", default="", help="what the columns are: reference,email,consent,opt_out,sent_at,ignored"
    )
    importing.add_argument("file", type=Path)
    importing.add_argument("--yes", action="store_true", help="import; without this option, only show how")
    arguments, rest = parser.parse_known_args()
    configure_logs()
    environ = environment()
    if arguments.data:
        environ["SALEPIXEL_DATA"] = str(arguments.data.absolute())
    if arguments.command in _SERVICES:
        sys.exit(_run_of_service(arguments.command, rest, environ))
    if arguments.command == "campaign":
        # Here and not above: an edge alone has no storage.
        from salepixel.mails.command import run

        sys.exit(run(rest, environ))
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if arguments.command == "doctor":
        sys.exit(_doctor(environ))
    if arguments.command == "rates":
        sys.exit(_rates(environ, arguments.action, arguments.source))
    if arguments.command == "person":
        who = sys.stdin.readline().strip() if arguments.who == "-" else arguments.who
        if arguments.action == "invite":
            sys.exit(_invite(environ, arguments, who))
        if arguments.account is None:
            parser.error("the following arguments are required: --account")
        sys.exit(_person(environ, arguments.action, arguments.account, who, sure=arguments.yes))
    if arguments.command == "key":
        sys.exit(_key(environ, arguments))
    if arguments.command == "import":
        sys.exit(_import(environ, arguments))
    if arguments.command == "deliveries":
        sys.exit(_deliveries(environ, arguments.digest))
    if arguments.command == "accept-keys":
        sys.exit(_accept_keys(environ))
    try:
        Supervisor(environ).run(write_line)
    except (BadSettings, BadKeys) as problem:
        write_problem(str(problem))
        sys.exit(2)
    except (CannotStart, NoEmbeddedRedis) as problem:
        write_problem(f"salepixel: {problem}")
        sys.exit(1)


def _run_of_service(command: str, arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    try:
        run = next(found.load() for found in entry_points(group="salepixel.commands", name=command))
    except (StopIteration, ModuleNotFoundError):
        extra = _SERVICES[command]
        write_problem(f"salepixel {command}: the {extra} is not installed: pip install 'salepixel[{extra}]'")
        return 1
    return int(run(arguments, environ))


def _rates(environ: Mapping[str, str], action: str, source: str) -> int:
    from salepixel.money.rates import BadRates
    from salepixel.report.refresh import describe_rates, refresh_rates
    from salepixel.storage.database import UnsafeDatabase
    from salepixel.wire import outgoing

    try:
        settings = StorageSettings.load(environ)
        outgoing.allow_private(settings.private_networks)
        print(refresh_rates(settings, source) if action == "refresh" else describe_rates(settings))
    except BadSettings as problem:
        print(problem, file=sys.stderr)
        return 2
    except (BadRates, UnsafeDatabase) as problem:
        print(f"salepixel: {problem}", file=sys.stderr)
        return 1
    return 0


def _doctor(environ: Mapping[str, str]) -> int:
    from salepixel.checks.doctor import run

    return run(environ, write_line)


def _deliveries(environ: Mapping[str, str], digest: str) -> int:
    from salepixel.orders.deliveries import list_unread, read_delivery
    from salepixel.orders.packing import Damaged
    from salepixel.storage.database import DatabaseUnavailable, UnsafeDatabase, open_database, require_current

    try:
        settings = StorageSettings.load(environ)
        database = open_database(settings.database_url, settings.data)
        require_current(database)
        with database.read() as connection:
            found = read_delivery(connection, digest) if digest else None
            unread = [] if digest else list_unread(connection, _MAX_LISTED)
    except (BadSettings, UnsafeDatabase, DatabaseUnavailable) as problem:
        print(problem, file=sys.stderr)
        return 2
    except Damaged as problem:
        print(f"salepixel: this delivery is damaged: {problem}", file=sys.stderr)
        return 1
    for its, shop, event, at, why in unread:
        print(its, f"{at:%Y-%m-%dT%H:%M:%SZ}", shop, event, why)
    if digest and found is None:
        print("salepixel: there is no such delivery", file=sys.stderr)
        return 1
    if found is not None:
        head = {"received": found.received_at.isoformat(), "shop": found.shop_id, "event": found.event}
        if found.erased:
            head["erased"] = "yes"  # on request, or by retention
        for name, value in {**head, **found.headers}.items():
            print(f"{name}: {value}")
        print(flush=True)
        sys.stdout.buffer.write(found.body + b"\n")
    return 0


def _person(environ: Mapping[str, str], action: str, emp_id: int, who: str, *, sure: bool) -> int:
    from salepixel.accounts.declined import Declined
    from salepixel.keys import existing_keys
    from salepixel.privacy.command import count, erase, export
    from salepixel.storage.database import DatabaseUnavailable, UnsafeDatabase, open_database, require_current

    try:
        settings = StorageSettings.load(environ)
        database = open_database(settings.database_url, settings.data)
        require_current(database)
        keys = existing_keys(settings.keys_file)
        run = export if action == "export" else erase if sure else count
        print(run(database, keys, emp_id, who))
    except (BadSettings, BadKeys, UnsafeDatabase, DatabaseUnavailable) as problem:
        print(problem, file=sys.stderr)
        return 2
    except Declined as declined:
        print(f"salepixel: {declined}", file=sys.stderr)
        return 1
    return 0


def _invite(environ: Mapping[str, str], given: argparse.Namespace, email: str) -> int:
    from salepixel.accounts.declined import Declined
    from salepixel.accounts.principal import Role
    from salepixel.people.command import invite_person
    from salepixel.storage.database import DatabaseUnavailable, UnsafeDatabase, open_database, require_current

    try:
        settings = PluginSettings.load(environ)
        database = open_database(settings.database_url, settings.data)
        require_current(database)
        with database.write() as connection:
            link = invite_person(
                connection,
                settings.plugin_url,
                email,
                given.account,
                Role(given.role),
                datetime.now(UTC),
                without_second_factor=given.without_second_factor,
            )
    except (BadSettings, UnsafeDatabase, DatabaseUnavailable) as problem:
        print(problem, file=sys.stderr)
        return 2
    except Declined as declined:
        print(f"salepixel: {declined}", file=sys.stderr)
        return 1
    print(f"Send this link to {email}. It works once, for seven days:\n{link}")
    return 0


def _key(environ: Mapping[str, str], given: argparse.Namespace) -> int:
    from salepixel.accounts.command import create_key, list_keys, revoke_key
    from salepixel.accounts.declined import Declined
    from salepixel.accounts.principal import KeyScope
    from salepixel.storage.database import DatabaseUnavailable, UnsafeDatabase, open_database, require_current

    try:
        settings = StorageSettings.load(environ)
        database = open_database(settings.database_url, settings.data)
        require_current(database)
        with database.write() as connection:
            if given.action == "create":
                print(create_key(connection, given.account, given.name, KeyScope(given.scope), given.days))
            elif given.action == "revoke":
                print(revoke_key(connection, given.account, given.id))
            else:
                print(list_keys(connection, given.account))
    except (BadSettings, UnsafeDatabase, DatabaseUnavailable) as problem:
        print(problem, file=sys.stderr)
        return 2
    except Declined as declined:
        print(f"salepixel: {declined}", file=sys.stderr)
        return 1
    return 0


def _import(environ: Mapping[str, str], given: argparse.Namespace) -> int:
    from salepixel.accounts.declined import Declined
    from salepixel.computations.doing import StepFailed
    from salepixel.keys import existing_keys
    from salepixel.lists.command import import_file
    from salepixel.storage.database import DatabaseUnavailable, UnsafeDatabase, open_database, require_current

    try:
        settings = StorageSettings.load(environ)
        database = open_database(settings.database_url, settings.data)
        require_current(database)
        keys = existing_keys(settings.keys_file)
        columns = [name.strip() for name in given.columns.split(",") if name.strip()]
        where = given.account, given.campaign, given.file, columns
        print(import_file(database, keys, *where, sure=given.yes))
    except (BadSettings, BadKeys, UnsafeDatabase, DatabaseUnavailable) as problem:
        print(problem, file=sys.stderr)
        return 2
    except (Declined, StepFailed, OSError, ValueError) as problem:
        print(f"salepixel: {problem}", file=sys.stderr)
        return 1
    return 0


def _accept_keys(environ: Mapping[str, str]) -> int:
    from salepixel.storage.database import DatabaseUnavailable, UnsafeDatabase, migrate, open_database
    from salepixel.storage.installation import accept_database

    try:
        settings = StorageSettings.load(environ)
        if not settings.data.is_dir():  # a mistyped folder would become an installation
            raise BadKeys(f"There is no folder {settings.data}. Name that of the installation with --data.")
        database = open_database(settings.database_url, settings.data)
        migrate(database)
        keys = accept_keys(settings.keys_file)
        with database.write() as connection:
            accept_database(connection, keys)
    except (BadSettings, BadKeys, UnsafeDatabase, DatabaseUnavailable) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{settings.keys_file} now has the keys of this installation; back it up.")
    return 0


if __name__ == "__main__":
    main()
