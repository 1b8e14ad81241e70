"""The Saleor app: what a Saleor asks of us (manifest, registration) and tells us (webhooks)."""

from apiflask import APIBlueprint
from flask.blueprints import BlueprintSetupState

from salepixel_plugin.saleor import manifest, registration, webhooks
from salepixel_plugin.saleor.calls import Calls
from salepixel_plugin.saleor.jwks import KeyReloads
from salepixel_plugin.services import Services

# Saleor speaks its own protocol here; it is not part of the API for people's programs.
blueprint = APIBlueprint("saleor", __name__, url_prefix="/saleor", enable_openapi=False)
blueprint.get("/manifest")(manifest.give_manifest)
blueprint.post("/register")(registration.register)
blueprint.post("/webhooks")(webhooks.take_delivery)


@blueprint.record
def _prepare(state: BlueprintSetupState) -> None:
    here: Services = state.app.extensions["salepixel"]
    calls = Calls(max(1, here.settings.plugin_threads // 2))
    state.app.extensions["salepixel_calls"] = calls
    state.app.extensions["salepixel_key_reloads"] = KeyReloads(calls)
