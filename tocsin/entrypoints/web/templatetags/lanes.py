"""The bars of a lane. A month has hundreds, so they are written here and not by a template."""

from django import template
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from tocsin.entrypoints.web.lanes import Bar, Lane

register = template.Library()

_BOX = 'x="1" y="0.5" width="99%" height="29" rx="6"'


@register.simple_tag
def bars(lane: Lane, edit: str = "", still: object = "") -> SafeString:
    """`edit`: the schedule whose overrides the reader may change; `still`: a picture and no more."""
    return mark_safe("".join(_bar(bar, edit, bool(still)) for bar in lane.bars))  # noqa: S308  (escaped below)


def _bar(bar: Bar, edit: str, still: bool) -> str:  # noqa: FBT001  (a template's)
    classes = ["bar", bar.tone]
    facts = {
        "start": bar.start.isoformat(),
        "end": bar.end.isoformat(),
        "who": bar.who,
        "when": bar.when,
        "why": bar.why,
    }
    if bar.user:
        classes.append(f"hue-{bar.hue}")
        facts["user"] = bar.user
    if bar.thin:
        classes.append("thin")
    said = escape(f"{bar.who}, {bar.when}, {bar.why}")
    opening, closing = f"<g><title>{said}</title>", "</g>"
    if bar.number is not None and not still:
        facts["number"] = str(bar.number)
        opening, closing = f'<a href="#shift-{bar.number}" aria-label="{said}">', "</a>"
    elif bar.item is not None:
        facts |= {"item": str(bar.item), "kind": bar.kind, "replaces": bar.replaces or ""}
        facts["version"] = bar.version
        if edit:
            if not bar.fixed:
                classes.append("movable")
            url = escape(reverse("override_edit", args=[edit, bar.item]))
            opening, closing = f'<a href="{url}" aria-label="Override: {said}">', "</a>"
    data = "".join(f' data-{key}="{escape(value)}"' for key, value in facts.items())
    hatch = f'<rect class="hatch" {_BOX} fill="url(#hatch)"/>' if bar.tone == "fallback" else ""
    return (
        f'<svg class="{" ".join(classes)}" x="{bar.x}%" y="{bar.y}" width="{bar.width}%" height="30"{data}>'
        f'{opening}<rect class="face" {_BOX}/>{hatch}'
        '<rect class="edge" x="1" y="0.5" width="3.5" height="29" rx="1.75"/>'
        f'<text x="11" y="19">{escape(bar.label)}</text>{closing}</svg>'
    )
