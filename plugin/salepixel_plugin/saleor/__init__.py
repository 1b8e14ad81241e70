"""The Saleor app: the calls that a Saleor makes (manifest, registration, webhooks)."""

from apiflask import APIBlueprint, APIFlask

from salepixel.settings import PluginSettings
from salepixel_plugin.saleor import manifest, registration, webhooks
from salepixel_plugin.saleor.calls import Calls
from salepixel_plugin.saleor.jwks import KeyReloads
from salepixel_plugin.saleor.senders import Senders

# These calls follow Saleor's protocol, and do not belong to the API for programs.
blueprint = APIBlueprint("saleor", __name__, url_prefix="/saleor", enable_openapi=False)
blueprint.get("/manifest")(manifest.give_manifest)
blueprint.post("/register")(registration.register)
blueprint.post("/webhooks")(webhooks.take_delivery)


def attach(app: APIFlask, settings: PluginSettings) -> None:
    """Set the limits for calls to shops, and the empty cache of shops."""
    calls = Calls(max(1, settings.plugin_threads // 2))
    app.extensions["salepixel_calls"] = calls
    app.extensions["salepixel_key_reloads"] = KeyReloads(calls)
    app.extensions["salepixel_senders"] = Senders()
