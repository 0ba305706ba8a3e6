"""Policies on their ladder: drawn, edited, rehearsed, and saved by one person at a time."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.utils.html import escape

from tests.web.conftest import Visitor
from tests.web.test_schedules import get, post, rota  # noqa: F401  (a fixture)
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog import queries as services
from tocsin.apps.configuration.actions import unlock
from tocsin.apps.escalation import queries, settings
from tocsin.apps.notify import actions as notify
from tocsin.domain.escalation.model import (
    AckMode,
    Condition,
    During,
    OnEmpty,
    Policy,
    Strategy,
    Target,
    TargetKind,
)
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib import clock

pytestmark = pytest.mark.usefixtures("rota")

WEDNESDAY = datetime(2026, 10, 21, 10, tzinfo=UTC)


def ladder(**changed: Any) -> dict[str, Any]:
    """Two steps: who is on call for the shop, then the whole team."""
    form = {
        "name": "shop-first",
        "team": "payments",
        "repeat": "1",
        "fallback": "",
        "s-0-wait": "5m",
        "s-0-t-0-kind": "schedule",
        "s-0-t-0-name": "shop",
        "s-0-t-0-role": "",
        "s-1-wait": "10m",
        "s-1-t-0-kind": "team",
        "s-1-t-0-name": "payments",
        "s-1-t-0-role": "",
        "do": "save",
    }
    return form | changed


def stored(name: str = "shop-first") -> Policy:
    found = queries.policy(name)
    assert found is not None
    return found


def version_in(page: str) -> str:
    return page.partition('name="version" value="')[2].partition('"')[0]


def test_a_policy_is_made_from_all_its_fields(owner: Visitor) -> None:
    post(owner, "/policies/new", **ladder(name="last"))
    form = ladder(
        **{
            "s-0-strategy": "round_robin",
            "s-0-ack": "each",
            "s-0-on_empty": "wait",
            "s-0-severity": ["SEV1", "SEV2"],
            "s-0-urgency": "high",
            "s-0-during": "outside_local_hours",
            "s-0-t-1-kind": "schedule:next",
            "s-0-t-1-name": "shop",
            "s-0-t-1-role": "primary",
            "s-0-t-2-kind": "webhook",
            "s-0-t-2-name": "https://hooks.example.com/x",
            "s-0-t-2-role": "",
            "s-0-t-3-kind": "owners",
            "s-0-t-3-name": "",
            "s-0-t-3-role": "",
            "f-0-kind": "user",
            "f-0-name": "Mate",
            "f-0-role": "",
            "fallback": "last",
            "s-1-t-0-kind": "team:lead",
        }
    )
    post(owner, "/policies/new", **form)
    assert "- owners: all" in get(owner, "/policies/shop-first")
    made = stored()
    first, second = made.steps
    assert first.strategy is Strategy.ROUND_ROBIN
    assert first.ack is AckMode.EACH
    assert first.on_empty is OnEmpty.WAIT
    assert first.when == Condition((Severity.SEV1, Severity.SEV2), Urgency.HIGH, During.OUTSIDE_LOCAL)
    assert [(each.kind, each.who) for each in first.targets] == [
        (TargetKind.SCHEDULE, "current"),
        (TargetKind.SCHEDULE, "next"),
        (TargetKind.WEBHOOK, ""),
        (TargetKind.OWNERS, ""),
    ]
    assert first.targets[1].role == "primary"
    assert second.targets == (Target(TargetKind.TEAM, "payments", "lead"),)
    assert made.final == (Target(TargetKind.USER, "mate@example.com"),)
    assert (made.repeat, made.fallback) == (1, "last")


def test_the_form_shows_what_is_stored_and_saving_it_again_changes_nothing(owner: Visitor) -> None:
    post(owner, "/policies/new", **ladder(**{"s-0-during": "support_hours", "s-0-severity": "SEV1"}))
    before = stored()
    page = get(owner, "/policies/shop-first/edit")
    assert '<option value="support_hours" selected>' in page
    assert 'value="SEV1" checked' in page
    assert '<option value="team" selected>' in page
    form = ladder(**{"s-0-during": "support_hours", "s-0-severity": "SEV1"}, version=version_in(page))
    post(owner, "/policies/shop-first/edit", **form)
    assert stored() == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "Please fill this in."),
        ({"s-1-wait": "soon"}, "Expected a duration such as 30s, 5m, 2h or 1d"),
        ({"s-0-t-0-name": "nightly"}, "There is no schedule “nightly”."),
        ({"s-1-t-0-name": "nobodies"}, "There is no team “nobodies”."),
        ({"s-0-t-0-name": ""}, "Please say whom to call, or remove the step."),
        ({"s-0-t-0-kind": "user", "s-0-t-0-name": "x@y.zz"}, "invite them first."),
        ({"s-0-t-0-kind": "webhook", "s-0-t-0-name": "ftp://x"}, "begins with https:// or http://."),
        ({"repeat": "21"}, "20"),
        ({"fallback": "nowhere"}, "There is no policy “nowhere”."),
        ({"s-0-t-0-kind": "chat:", "s-0-t-0-name": "#ops"}, "chat"),
        ({"team": "strangers"}, "strangers"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    changed: dict[str, str], said: str, owner: Visitor
) -> None:
    answer = owner.client.post("/policies/new", ladder(**changed))
    assert answer.status_code in {404, 422}
    assert escape(said) in answer.content.decode()
    assert queries.policy("shop-first") is None


def test_an_error_stands_at_its_field(owner: Visitor) -> None:
    form = ladder(**{"s-0-t-1-kind": "user", "s-0-t-1-name": "", "s-0-t-1-role": ""})
    form |= {"s-0-t-2-kind": "schedule", "s-0-t-2-name": "nightly", "s-0-t-2-role": "", "s-1-wait": "5"}
    page = post(owner, "/policies/new", 422, **form)
    assert 'aria-describedby="s-0-t-2-error"' in page
    assert 'id="s-1-wait-error"' in page
    assert "<strong>Step 1, target 3:</strong>" in page


def test_its_rows_grow_shrink_and_move_without_script(owner: Visitor) -> None:
    page = post(owner, "/policies/new", 200, **ladder(do="add steps"))
    assert 'name="s-2-wait" value="5m"' in page
    page = post(owner, "/policies/new", 200, **ladder(do="down steps 0"))
    assert 'name="s-0-wait" value="10m"' in page
    page = post(owner, "/policies/new", 200, **ladder(do="up steps 1"))
    assert 'name="s-0-wait" value="10m"' in page
    page = post(owner, "/policies/new", 200, **ladder(do="move steps 1 0"))
    assert 'name="s-0-wait" value="10m"' in page
    page = post(owner, "/policies/new", 200, **ladder(do="remove steps 0"))
    assert 'name="s-1-wait"' not in page
    page = post(owner, "/policies/new", 200, **ladder(do="copy steps 1"))
    assert page.count('value="10m"') == 2
    page = post(owner, "/policies/new", 200, **ladder(do="add targets 1"))
    assert 'name="s-1-t-1-name"' in page
    page = post(owner, "/policies/new", 200, **ladder(do="remove targets 1.0"))
    assert 'name="s-1-t-0-name"' not in page
    page = post(owner, "/policies/new", 200, **ladder(do="add final"))
    assert 'name="f-0-name"' in page
    for nonsense in ("remove steps 9", "up targets 7.1", "remove nothing", "move steps 0 99999999"):
        post(owner, "/policies/new", 200, **ladder(do=nonsense))
    assert queries.policy("shop-first") is None


def fire(page: str) -> str:
    return page.partition('id="fire"')[2].partition("</section>")[0]


def test_the_rehearsal_says_who_is_called_when_before_anything_is_saved(
    owner: Visitor, mate: Visitor
) -> None:
    for each in (owner, mate):
        hook = f"https://hooks.example.com/{each.email}"
        notify.add_method(actor=SYSTEM, email=each.email, type="webhook", address=hook, now=clock.now())
    form = ladder(do="preview", fire_severity="SEV1", fire_at="2026-11-02T14:00", here="Europe/Berlin")
    said = fire(post(owner, "/policies/new", 200, **form))
    assert "Mon 2 Nov, 13:00" in said
    assert said.index("Owner") < said.index("+5 min") < said.index("Mate") < said.index("+15 min")
    assert "on call for shop" in said
    assert "member of payments" in said
    assert queries.policy("shop-first") is None


def test_the_rehearsal_follows_severity_and_condition(owner: Visitor) -> None:
    only = ladder(do="preview", repeat="0", **{"s-1-severity": "SEV1"})
    high = fire(post(owner, "/policies/new", 200, **only, fire_severity="SEV1"))
    low = fire(post(owner, "/policies/new", 200, **only, fire_severity="SEV2"))
    assert "member of payments" in high
    assert "member of payments" not in low
    assert "SEV1" in low  # it says why the step is passed over


def test_who_cannot_be_reached_is_shown_so(owner: Visitor) -> None:
    said = fire(post(owner, "/policies/new", 200, **ladder(do="preview")))
    assert "unreachable" in said
    assert "no working contact method" in said


def test_a_wrong_time_is_said(owner: Visitor) -> None:
    page = post(owner, "/policies/new", 200, **ladder(do="preview", fire_at="yesterday"))
    assert "is not a date and time" in fire(page)


def test_the_page_of_a_policy_rehearses_it_too(owner: Visitor, stranger: Visitor) -> None:
    post(owner, "/policies/new", **ladder())
    page = get(stranger, "/policies/shop-first?fire_severity=SEV1&fire_service=checkout")
    assert "member of payments" in fire(page)
    assert "<option selected>SEV1</option>" in page
    assert "escalation_policies:" in page.partition('id="policy-yaml"')[2]
    assert "/policies/shop-first/edit" not in page


def test_the_second_of_two_who_save_at_once_sees_both(owner: Visitor) -> None:
    post(owner, "/policies/new", **ladder())
    seen = version_in(get(owner, "/policies/shop-first/edit"))
    post(owner, "/policies/shop-first/edit", **ladder(version=seen, **{"s-0-wait": "7m"}))
    page = post(owner, "/policies/shop-first/edit", 409, **ladder(version=seen, **{"s-0-wait": "9m"}))
    assert "Somebody else changed this policy" in page
    assert "waits 7 min" in page
    assert 'name="s-0-wait" value="9m"' in page
    post(owner, "/policies/shop-first/edit", **ladder(version=version_in(page), **{"s-0-wait": "9m"}))
    assert stored().steps[0].wait.total_seconds() == 540


def test_a_name_that_is_taken_is_refused(owner: Visitor) -> None:
    post(owner, "/policies/new", **ladder())
    page = post(owner, "/policies/new", 422, **ladder(repeat="3"))
    assert "There is one of that name already." in page
    assert stored().repeat == 1


def test_what_a_file_owns_is_read_only_until_unlocked(owner: Visitor) -> None:
    post(owner, "/policies/new", **ladder())
    settings.save_policy(actor=SYSTEM, policy=stored(), from_file=True, now=clock.now())
    page = get(owner, "/policies/shop-first/edit")
    assert "is read-only here" in page
    assert '<fieldset class="stack" disabled>' in page
    post(owner, "/policies/shop-first/edit", 409, **ladder(version=version_in(page), repeat="3"))
    assert stored().repeat == 1
    unlock(actor=owner.actor, kind="escalation_policies", name="shop-first", now=clock.now())
    assert "is read-only here" not in get(owner, "/policies/shop-first/edit")


def test_a_policy_is_copied(owner: Visitor) -> None:
    post(owner, "/policies/new", **ladder())
    page = get(owner, "/policies/new?from=shop-first")
    assert 'value="shop-first (copy)"' in page
    assert 'name="s-1-wait" value="10m"' in page


def test_deleting_asks_first_and_says_what_uses_it(owner: Visitor) -> None:
    post(owner, "/policies/new", **ladder())
    post(owner, "/policies/new", **ladder(name="other", fallback="shop-first"))
    checkout = services.service("checkout")
    assert checkout is not None
    spec = checkout.spec
    catalog.save_service(
        actor=SYSTEM, spec=type(spec)(**{**vars(spec), "escalation_policy": "shop-first"}), now=clock.now()
    )
    page = get(owner, "/policies/shop-first/delete")
    assert "/services/checkout/edit" in page
    assert "/policies/other/edit" in page
    post(owner, "/policies/shop-first/delete")
    assert queries.policy("shop-first") is not None
    post(owner, "/policies/other/delete")
    assert queries.policy("other") is None


@pytest.mark.parametrize(
    "path", ["/policies/new", "/policies/shop-first/edit", "/policies/shop-first/delete"]
)
def test_responders_look_and_do_not_touch(
    path: str, owner: Visitor, mate: Visitor, stranger: Visitor
) -> None:
    post(owner, "/policies/new", **ladder())
    before = stored()
    for each in (mate, stranger):
        assert each.client.get(path).status_code == 200
        answer = each.client.post(path, ladder(repeat="9", name="mine"))
        assert answer.status_code in {302, 403, 409}
        assert queries.policy("mine") is None
    assert stored() == before


def test_the_list_is_searched_and_says_what_uses_a_policy(owner: Visitor) -> None:
    assert "No policy yet" in get(owner, "/policies/")
    post(owner, "/policies/new", **ladder())
    page = get(owner, "/policies/?q=shop")
    assert "waits 10 min" in page
    assert "no service uses it" in page
    assert "No policy is called that" in get(owner, "/policies/?q=zebra")


def test_without_a_clock_of_its_own_now_is_meant(owner: Visitor) -> None:
    with time_machine.travel(WEDNESDAY, tick=False):
        said = fire(post(owner, "/policies/new", 200, **ladder(do="preview")))
    assert "If this fired now" in said
    assert "Wed 21 Oct, 10:00" in said


def test_the_palette_finds_a_policy_and_makes_one(owner: Visitor, mate: Visitor) -> None:
    post(owner, "/policies/new", **ladder())
    assert owner.client.get("/search.json?q=shop-f").json()["items"] == [
        {"title": "shop-first", "kind": "Policy", "url": "/policies/shop-first"}
    ]
    made = {"title": "New policy", "kind": "Do", "url": "/policies/new"}
    assert made in owner.client.get("/search.json?q=new pol").json()["items"]
    assert made not in mate.client.get("/search.json?q=new pol").json()["items"]
