"""The Flask application: one blueprint per kind of visitor."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType

import sqlalchemy as sa
import structlog
from apiflask import APIFlask
from flask import Response, jsonify, request
from redis import Redis
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, ServiceUnavailable
from werkzeug.middleware.proxy_fix import ProxyFix

from salepixel.accounts import store as accounts
from salepixel.accounts.api_keys import set_first_key
from salepixel.campaigns.links import LinkSealer
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.settings import PluginSettings
from salepixel.smtp.store import default_server
from salepixel.storage.database import Database, is_transient, is_unstorable
from salepixel.wire.jobs import JobQueue
from salepixel_plugin import api, company_sign_in, health, pages, saleor
from salepixel_plugin.api.blueprint import refuse_http as refuse_program
from salepixel_plugin.directory import publish_if_possible
from salepixel_plugin.pages.blueprint import refuse_http as refuse_person
from salepixel_plugin.rate_limits import RateLimits
from salepixel_plugin.reception import MAX_CALL_BYTES, MAX_LIST_BYTES, REFUSED, SIGNED_PATH, is_list_path
from salepixel_plugin.saleor.webhooks import refuse_body
from salepixel_plugin.services import Services, utc_now
from salepixel_plugin.tally import Tally
from salepixel_plugin.wrong_keys import WrongKeys
from salepixel_plugin.wrong_passwords import WrongPasswords

MAX_BODY_BYTES = 1_000_000
_FOR_PROGRAMS = ("/api/", "/saleor/", "/healthz", "/metrics")

log = structlog.get_logger()


class Plugin(APIFlask):
    """The application.

    It logs the route of a failed request, because its path may contain a contact's address.
    """

    def log_exception(
        self,
        exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> None:
        """Log an error that no handler handled."""
        log.error("request_failed", method=request.method, route=str(request.url_rule), exc_info=exc_info)


def create_app(
    settings: PluginSettings,
    *,
    database: Database,
    redis: Redis,
    keys: Keys,
    clock: Callable[[], datetime] = utc_now,
) -> APIFlask:
    """Make the application. The database must be migrated; Redis may be unavailable.

    `clock`: see Services.
    """
    app = make_routes()
    attach(app, settings, database=database, redis=redis, keys=keys, clock=clock)
    if settings.plugin_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask's documentation has it
            app.wsgi_app, x_for=settings.plugin_proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0
        )
    return app


def make_routes() -> APIFlask:
    """The application without its stores. Compiling its routes takes 40 ms, so tests do this once."""
    app = Plugin(
        "salepixel_plugin",
        title="salepixel",
        version="1",
        spec_path="/api/v1/openapi.json",
        docs_path=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY_BYTES
    app.before_request(_refuse_body)
    for blueprint in (api.blueprint, saleor.blueprint, pages.blueprint, health.blueprint):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _refuse_unmatched)
    for kind in (sa.exc.DBAPIError, sa.exc.TimeoutError, OverflowError):
        app.register_error_handler(kind, _database_failed)
    return app


def _refuse_unmatched(error: HTTPException) -> Response:
    """Errors of Flask at unknown paths: as JSON for programs, otherwise as a page."""
    for_programs = request.path.startswith(_FOR_PROGRAMS)
    return refuse_program(error) if for_programs else refuse_person(error)


def attach(
    app: APIFlask,
    settings: PluginSettings,
    *,
    database: Database,
    redis: Redis,
    keys: Keys,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Set the services of the application's views."""
    app.extensions["salepixel"] = Services(
        settings=settings,
        database=database,
        redis=redis,
        job_queue=JobQueue(redis),
        keys=keys,
        links=LinkSealer(keys),
        clicks=ClickSealer(keys),
        wrong_keys=WrongKeys(),
        wrong_passwords=WrongPasswords(),
        rate_limits=RateLimits(),
        tally=Tally(database),
        smtp=default_server(settings),
        clock=clock,
    )
    saleor.attach(app, settings)
    company_sign_in.attach(app, settings)


def _refuse_body() -> tuple[Response, int] | None:
    """Answer a request with an incomplete body."""
    reason = request.environ.get(REFUSED)
    if reason is None:
        return None
    if request.path == SIGNED_PATH:
        return refuse_body(reason)
    if reason == "too_large":
        request.max_content_length = MAX_LIST_BYTES if is_list_path(request.path) else MAX_CALL_BYTES
        raise RequestEntityTooLarge
    if reason == "busy":
        raise ServiceUnavailable("The server receives too much data now. Send the request again.")
    raise BadRequest("The body is incomplete. Send the request again.")


def prepare(settings: PluginSettings, database: Database, redis: Redis) -> None:
    """Create what the first request needs: account 1, the key in the settings, the directory."""
    now = datetime.now(UTC)
    with database.write() as connection:
        accounts.add_account(connection, accounts.Account(1, "First account", "EUR", now))
        set_first_key(connection, settings.api_key, now)
    publish_if_possible(database, redis)


def _database_failed(error: Exception) -> tuple[Response, int]:
    """503 for a transient error, so that a shop sends again; 422 for values that the database refuses."""
    if is_unstorable(error):
        log.error("unstorable", error=type(error).__name__)
        return jsonify(message="A value is too long or too large.", reason="unstorable"), 422
    if not is_transient(error) and not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        raise error
    log.error("database_unavailable", error=str(error).splitlines()[0])
    answer = jsonify(
        message="The database does not respond. Try again in a moment.", reason="database_unavailable"
    )
    answer.headers["Retry-After"] = "5"
    return answer, 503
