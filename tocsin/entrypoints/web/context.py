"""What every page needs: navigation, the reader, the banner when nobody can be reached."""

from typing import Any

from django.http import HttpRequest

from tocsin.apps.incidents import queries as incidents
from tocsin.apps.notify import queries as notify
from tocsin.entrypoints.web.navigation import PLACES, section_of
from tocsin.entrypoints.web.reader import reader


def page(request: HttpRequest) -> dict[str, Any]:
    nonce = getattr(request, "csp_nonce", "")
    known = reader(request) if hasattr(request, "user") else None
    if known is None or request.headers.get("HX-Request"):
        return {"csp_nonce": nonce, "reader": known, "may": known.may if known else {}}
    section = section_of(request.path)
    places = {place.url_name: {"title": place.title, "url": place.url, "key": place.key} for place in PLACES}
    return {
        "csp_nonce": nonce,
        "reader": known,
        "may": known.may,
        "places": PLACES,
        "places_json": places,
        "section": section,
        "open_counts": incidents.counts(),
        "unreachable": notify.can_reach_anybody(),
        "shut_methods": notify.shut_methods(known.email),
    }
