"""WCAG AA: text stands out from what is behind it, in light and dark, and every control has a name."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import sign_in
from tests.endtoend.harness import Installation

pytestmark = pytest.mark.real

# What a canvas paints is sRGB, whatever colour space the stylesheet speaks.
FAINT_TEXT = """
() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data];
  };
  const mix = (one, other, share) => one * share / 255 + other * (1 - share / 255);
  const over = (top, under) => top.map((part, at) => at === 3 ? 255 : mix(part, under[at], top[3]));
  const behind = (element) => {
    if (!element) return rgba(getComputedStyle(document.documentElement).backgroundColor);
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 255 ? own : over(own, behind(element.parentElement));
  };
  const light = (colour) => colour.slice(0, 3)
    .map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text.length || !element.checkVisibility()) continue;
    if (element.closest(":disabled, .sr, option, svg")) continue;
    const style = getComputedStyle(element);
    const under = behind(element);
    const pair = [light(over(rgba(style.color), under)), light(under)].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio >= (large ? 3 : 4.5)) continue;
    found.push(`${text[0].textContent.trim().slice(0, 40)} ${ratio.toFixed(2)}`);
  }
  return found;
}
"""

NAMELESS = """
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.textContent.trim() || each.getAttribute("aria-label") || each.labels?.length))
  .map((each) => each.outerHTML.slice(0, 120))
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_and_controls_have_names(theme: Any, chromium: Browser, tocsin: Installation) -> None:
    body = {"title": "Checkout fails", "service": "checkout", "severity": "SEV1"}
    ref = tocsin.api("POST", "incidents", **body)["ref"]
    tocsin.api("POST", "incidents", **{**body, "severity": "SEV3"})
    context = chromium.new_context(color_scheme=theme)
    page = sign_in(context, tocsin)
    paths = ["incidents/", f"incidents/{ref}", "services/", "services/checkout", "on-call/", "settings/"]
    paths += [
        "people/",
        "people/alice@example.com",
        "schedules/platform",
        "integrations/",
        "incidents/declare",
    ]
    paths += ["me/reached", "me/reached?add=webhook", "people/alice@example.com/reached", "delivery/limits"]
    paths += ["delivery/rules"]
    paths += ["audit/", "policies/", "teams/", "delivery/", "alerts/"]
    paths += ["my-on-call", "swaps/", "swaps/new?for=alice@example.com", "pay/", "teams/platform"]
    paths += [f"schedules/platform/{each}" for each in ("checks", "history", "calendars")]
    paths += ["policies/new", "policies/payments", "policies/payments/edit", "policies/payments/delete"]
    paths += ["services/new", "services/checkout/edit", "wall/", "wall/?theme=light", "wall/?team=none"]
    paths += ["people/alice@example.com/deactivate", "people/alice@example.com/calendars", "calendars/"]
    paths += [
        "alerts/labels",
        "alerts/noise",
        "silences/",
        "silences/new",
        "routing/",
        "routing/?labels=a%3D1",
    ]
    paths += ["routing/?node=1.1", "routing/replay", f"incidents/{ref}/around", "integrations/prometheus"]
    complaints = {}
    for path in paths:
        answer = page.goto(f"{tocsin.url}/{path}")
        assert answer is not None
        assert answer.ok, path
        if wrong := [*page.evaluate(FAINT_TEXT), *page.evaluate(NAMELESS)]:
            complaints[path] = wrong
    context.close()
    assert not complaints
