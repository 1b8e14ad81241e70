"""The company's OpenID provider of this process, and how many threads may wait for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from apiflask import APIFlask
from flask import current_app

from salepixel.people.openid import Client, Provider
from salepixel.settings import PluginSettings

_NAME = "salepixel_company"


class ProviderBusy(Exception):
    """Other sign-ins wait for the provider."""


@dataclass(frozen=True)
class CompanySignIn:
    """`provider`: None if the settings name none."""

    provider: Provider | None
    _slots: threading.BoundedSemaphore

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the threads that may wait for the provider. Raises ProviderBusy.

        At most half of all threads: a slow provider must not stop webhooks and pages.
        """
        if not self._slots.acquire(blocking=False):
            raise ProviderBusy
        try:
            yield
        finally:
            self._slots.release()


def attach(app: APIFlask, settings: PluginSettings) -> None:
    """Set the provider of the application's views."""
    provider = None
    if settings.oidc_issuer:
        client = Client(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
        provider = Provider(client)
    slots = threading.BoundedSemaphore(max(1, settings.plugin_threads // 2))
    app.extensions[_NAME] = CompanySignIn(provider, slots)


def of_company() -> CompanySignIn:
    """The one of the app that answers this request."""
    return cast(CompanySignIn, current_app.extensions[_NAME])
