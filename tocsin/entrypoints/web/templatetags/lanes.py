"""The bars of a lane. A month has hundreds, so they are written here and not by a template."""

from html import escape

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from tocsin.entrypoints.web.lanes import Bar, Lane

register = template.Library()

_BOX = 'x="1" y="0.5" width="99%" height="29" rx="6"'


@register.simple_tag
def bars(lane: Lane, edit: str = "", still: object = "") -> SafeString:
    """`edit`: the schedule whose overrides the reader may change; `still`: a picture and no more."""
    return mark_safe("".join(_bar(bar, edit, bool(still)) for bar in lane.bars))  # noqa: S308  (escaped below)


def _bar(bar: Bar, edit: str, still: bool) -> str:  # noqa: FBT001  (a template's)
    who, when, why = escape(bar.who), escape(bar.when), escape(bar.why)
    said = f"{who}, {when}, {why}"
    classes, data = f"bar {bar.tone}", f' data-who="{who}" data-when="{when}" data-why="{why}"'
    opening, closing = "<g>", "</g>"
    if bar.user:
        classes += f" hue-{bar.hue}"
    if bar.thin:
        classes += " thin"
    if still:
        data, opening = "", f"<g><title>{said}</title>"
    elif bar.number is not None:
        user, start = escape(bar.user or ""), bar.start.isoformat()
        data += f' data-number="{bar.number}" data-user="{user}" data-start="{start}"'
        opening, closing = f'<a href="#shift-{bar.number}" aria-label="{said}">', "</a>"
    elif bar.item is not None:
        data += _facts(bar)
        if edit:
            if not bar.fixed:
                classes += " movable"
            url = escape(reverse("override_edit", args=[edit, bar.item]))
            opening, closing = f'<a href="{url}" aria-label="Override: {said}">', "</a>"
    hatch = f'<rect class="hatch" {_BOX} fill="url(#hatch)"/>' if bar.tone == "fallback" else ""
    return (
        f'<svg class="{classes}" x="{bar.x}%" y="{bar.y}" width="{bar.width}%" height="30"{data}>'
        f'{opening}<rect class="face" {_BOX}/>{hatch}'
        '<rect class="edge" x="1" y="0.5" width="3.5" height="29" rx="1.75"/>'
        f'<text x="11" y="19">{escape(bar.label)}</text>{closing}</svg>'
    )


def _facts(bar: Bar) -> str:
    """What the script needs to know of an override to move it."""
    facts = {
        "item": str(bar.item),
        "kind": bar.kind,
        "user": bar.user or "",
        "replaces": bar.replaces or "",
        "start": bar.start.isoformat(),
        "end": bar.end.isoformat(),
        "version": bar.version,
    }
    return "".join(f' data-{key}="{escape(value)}"' for key, value in facts.items())
