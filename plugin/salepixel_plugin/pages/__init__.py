"""Pages for people."""

from apiflask import APIBlueprint

blueprint = APIBlueprint("pages", __name__, enable_openapi=False)
