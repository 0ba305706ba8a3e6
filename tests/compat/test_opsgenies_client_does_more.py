"""The rarer calls of Opsgenie's own client: each does the thing, which is looked at from the other side."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import opsgenie_sdk
import pytest
from opsgenie_sdk.exceptions import ConfigurationException

from tests.endtoend.harness import Installation, eventually

KEY = "2b" * 16
PEOPLE = ("opal@example.com", "otto@example.com", "olga@example.com")
ORGANISATION = f"""
users: [{", ".join(f"{{email: {email}, name: {email[:4]}}}" for email in PEOPLE)}]
teams: [{{name: opsteam, members: [{PEOPLE[2]}]}}]
escalation_policies:
  - name: opsgenie-more
    steps:
      - {{notify: [{{user: {PEOPLE[0]}}}], wait: 2h}}
      - {{notify: [{{user: {PEOPLE[1]}}}], wait: 2h}}
services: [{{name: opsgenie-more, escalation_policy: opsgenie-more}}]
integrations:
  - {{name: opsgenie-more, kind: opsgenie, service: opsgenie-more, key: {KEY}}}
"""


@pytest.fixture(scope="module")
def tocsin(installation: Installation) -> Installation:
    installation.apply(ORGANISATION)
    return installation


@pytest.fixture(scope="module")
def client(tocsin: Installation) -> Iterator[opsgenie_sdk.ApiClient]:
    configuration = opsgenie_sdk.Configuration()
    configuration.host = f"{tocsin.url}/opsgenie"
    configuration.api_key["Authorization"] = KEY
    configuration.api_key_prefix["Authorization"] = "GenieKey"
    configuration.retry_enabled = False
    found = opsgenie_sdk.ApiClient(configuration=configuration)
    try:
        yield found
    finally:
        found.rest_client.pool_manager.clear()


class Opened:
    """An alert of its own, by its alias, with the incident that it opened."""

    def __init__(self, tocsin: Installation, client: opsgenie_sdk.ApiClient, alias: str) -> None:
        self.tocsin, self.alias, self.api = tocsin, alias, opsgenie_sdk.AlertApi(client)
        payload = opsgenie_sdk.CreateAlertPayload(message=f"Broken {alias}", alias=alias, priority="P2")
        self.done(self.api.create_alert(payload), "Create")
        self.ref: str = eventually(self._incident)
        eventually(lambda: self.incident()["assigned"])

    def _incident(self) -> str:
        rows = self.tocsin.incidents("service=opsgenie-more")
        return next((each["ref"] for each in rows if each["title"] == f"Broken {self.alias}"), "")

    def alert(self) -> dict[str, Any]:
        rows = self.tocsin.api("GET", "alerts?integration=opsgenie-more")["items"]
        found: dict[str, Any] = next(each for each in rows if each["dedup_key"] == self.alias)
        return found

    def incident(self) -> dict[str, Any]:
        found: dict[str, Any] = self.tocsin.api("GET", f"incidents/{self.ref}")
        return found

    def called(self) -> set[str]:
        rows = self.tocsin.api("GET", f"incidents/{self.ref}/why")["items"]
        return {each["email"] for each in rows if each["called"]}

    def told(self) -> str:
        return "\n".join(each["text"] for each in self.incident()["timeline"])

    def read(self) -> Any:
        return self.api.get_alert(identifier=self.alias, identifier_type="alias").data

    def call(self, name: str, *sent: Any, **more: Any) -> Any:
        return getattr(self.api, name)(self.alias, *sent, identifier_type="alias", **more)

    def done(self, asked: Any, action: str) -> None:
        assert asked.result == "Request will be processed"
        status = eventually(lambda: request_status(self.api, asked.request_id))
        assert (status.is_success, status.action) == (True, action), status
        assert status.alias == self.alias


Open = Callable[[str], Opened]


@pytest.fixture
def opened(tocsin: Installation, client: opsgenie_sdk.ApiClient) -> Open:
    return lambda alias: Opened(tocsin, client, alias)


def request_status(api: opsgenie_sdk.AlertApi, request_id: str) -> Any:
    try:
        return api.get_request_status(request_id).data
    except opsgenie_sdk.ApiException as error:
        if error.status != 404:
            raise
        return None  # it is not processed yet


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    """Its status and text; the form is the vendor's."""
    with pytest.raises((opsgenie_sdk.ApiException, ConfigurationException)) as error:
        call()
    said = json.loads(error.value.body)
    assert {"message", "took", "requestId"} <= set(said)
    return error.value.status, said["message"] + "".join(map(str, said.get("errors", {}).items()))


def test_an_acknowledgement_is_taken_back(opened: Open) -> None:
    one = opened("more-ack")
    words = opsgenie_sdk.AcknowledgeAlertPayload(user="opal", note="Looking")
    one.done(one.call("acknowledge_alert", acknowledge_alert_payload=words), "Acknowledge")
    assert one.read().acknowledged
    assert one.incident()["acknowledged_at"]
    back = opsgenie_sdk.UnAcknowledgeAlertPayload(user="opal", note="Not me")
    one.done(one.call("un_acknowledge_alert", un_acknowledge_alert_payload=back), "UnAcknowledge")
    assert one.incident()["acknowledged_at"] is None
    assert not one.read().acknowledged
    assert "Not me" in eventually(lambda: one.told() if "Not me" in one.told() else "")


def test_it_is_snoozed_until_then(opened: Open) -> None:
    one = opened("more-snooze")
    until = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    one.done(one.call("snooze_alert", opsgenie_sdk.SnoozeAlertPayload(end_time=until)), "Snooze")
    assert datetime.fromisoformat(one.incident()["snoozed_until"]) == until
    assert (one.read().snoozed, one.read().snoozed_until) == (True, until)
    far = opsgenie_sdk.SnoozeAlertPayload(end_time=until + timedelta(days=90))
    status, said = refused(lambda: one.call("snooze_alert", far))
    assert status == 422
    assert "endTime" in said
    assert "at most" in said


def test_it_is_given_to_somebody(opened: Open) -> None:
    one = opened("more-assign")
    otto = opsgenie_sdk.AssignAlertPayload(owner=opsgenie_sdk.UserRecipient(username="otto@example.com"))
    one.done(one.call("assign_alert", otto), "Assign")
    assert "Reassigned to" in one.told()
    assert "otto@example.com" in one.called()
    assert "otto@example.com" in [each.user.username for each in one.call("list_recipients").data]
    nobody = opsgenie_sdk.AssignAlertPayload(owner=opsgenie_sdk.UserRecipient(username="nobody@example.com"))
    status, said = refused(lambda: one.call("assign_alert", nobody))
    assert status == 422
    assert "nobody@example.com" in said


def test_the_next_step_is_called(opened: Open) -> None:
    one = opened("more-escalate")
    assert "the next step is called now" not in one.told()
    to = opsgenie_sdk.EscalationRecipient(name="opsgenie-more")
    words = opsgenie_sdk.EscalateAlertToNextPayload(escalation=to)
    one.done(one.call("escalate_alert", words), "EscalateToNext")
    eventually(lambda: "otto@example.com" in one.called())
    assert "the next step is called now" in one.told()


def test_others_are_called_beside(opened: Open) -> None:
    one = opened("more-responders")
    user = opsgenie_sdk.UserRecipient(username="otto@example.com")
    add = opsgenie_sdk.AddResponderToAlertPayload(responder=user, note="You know it")
    one.done(one.call("add_responder", add), "AddResponder")
    assert "You know it" in one.told()
    team = opsgenie_sdk.AddTeamToAlertPayload(team=opsgenie_sdk.TeamRecipient(name="opsteam"))
    one.done(one.call("add_team", team), "AddTeam")
    eventually(lambda: one.called() >= set(PEOPLE))
    wrong = opsgenie_sdk.AddTeamToAlertPayload(team=opsgenie_sdk.TeamRecipient(name="no-such-team"))
    status, said = refused(lambda: one.call("add_team", wrong))
    assert status == 422
    assert "no-such-team" in said


def test_what_it_says_is_changed(opened: Open) -> None:
    one = opened("more-words")
    one.done(
        one.call("update_alert_priority", opsgenie_sdk.UpdateAlertPriorityPayload(priority="P1")),
        "UpdatePriority",
    )
    assert (one.read().priority, one.alert()["labels"]["priority"]) == ("P1", "P1")
    one.done(
        one.call("update_alert_message", opsgenie_sdk.UpdateAlertMessagePayload(message="Worse")),
        "UpdateMessage",
    )
    assert one.alert()["summary"] == one.read().message == "Worse"
    text = opsgenie_sdk.UpdateAlertDescriptionPayload(description="More of it")
    one.done(one.call("update_alert_description", text), "UpdateDescription")
    assert one.alert()["annotations"]["description"] == one.read().description == "More of it"
    one.done(one.call("add_tags", opsgenie_sdk.AddTagsToAlertPayload(tags=["a", "b", "c"])), "AddTags")
    assert one.read().tags == ["a", "b", "c"]
    one.done(one.call("remove_tags", ["a", "c"]), "RemoveTags")
    assert one.read().tags == ["b"]
    assert [name for name in one.alert()["labels"] if name.startswith("tag.")] == ["tag.b"]
    more = opsgenie_sdk.AddDetailsToAlertPayload(details={"rack": "r1", "row": "7"})
    one.done(one.call("add_details", more), "AddDetails")
    assert (one.read().details["rack"], one.alert()["labels"]["row"]) == ("r1", "7")
    one.done(one.call("remove_details", ["row"]), "RemoveDetails")
    assert "row" not in one.read().details
    assert "row" not in one.alert()["labels"]
    assert one.read().count == 1


def test_what_was_said_and_done_is_listed(opened: Open) -> None:
    one = opened("more-notes")
    one.done(one.call("add_note", opsgenie_sdk.AddNoteToAlertPayload(note="First", user="opal")), "AddNote")
    one.done(one.call("execute_custom_alert_action", "Restart"), "ExecuteAction")
    eventually(lambda: len(one.call("list_notes").data) == 2)
    notes = " ".join(each.note for each in one.call("list_notes").data)
    assert "opal: First" in notes
    assert "Restart" in notes
    assert any("First" in each.log for each in one.call("list_logs").data)
    assert one.api.list_attachments(one.read().id).data == []
    one.done(one.call("delete_alert"), "Delete")
    assert one.alert()["status"] == "resolved"


def test_lists_go_page_by_page(opened: Open) -> None:
    for each in ("more-page-1", "more-page-2", "more-page-3"):
        one = opened(each)
    found = [
        one.api.list_alerts(query="alias:more-page-*", limit=2, offset=at, sort="alias", order="asc")
        for at in (0, 2)
    ]
    assert [[each.alias for each in page.data] for page in found] == [
        ["more-page-1", "more-page-2"],
        ["more-page-3"],
    ]
    assert (found[0].paging.next is not None, found[1].paging.next) == (True, None)
    assert one.api.count_alerts(query="alias:more-page-*").data.count == 3
    status, said = refused(lambda: one.api.list_alerts(query="colour:red"))
    assert (status, "colour" in said) == (422, True)


def test_what_there_is_no_place_for_says_what_to_do(opened: Open) -> None:
    one = opened("more-not-here")
    search = opsgenie_sdk.CreateSavedSearchPayload(
        name="mine", query="status:open", owner=opsgenie_sdk.UserRecipient(username="opal@example.com")
    )
    for call in (
        lambda: one.api.create_saved_searches(search),
        one.api.list_saved_searches,
        lambda: one.api.get_saved_search("mine"),
        lambda: one.api.delete_saved_search("mine"),
    ):
        assert refused(call) == (
            422,
            "Searches are not kept here: send the search itself, as `query` of /v2/alerts.",
        )
    status, said = refused(lambda: one.api.add_attachment(one.read().id, __file__))
    assert (status, "link to them" in said) == (422, True)
    assert refused(lambda: one.api.get_alert(identifier="999999999"))[0] == 404


def test_heartbeats_are_changed(client: opsgenie_sdk.ApiClient, tocsin: Installation) -> None:
    api = opsgenie_sdk.HeartbeatApi(client)

    def ours() -> dict[str, Any]:
        rows = tocsin.api("GET", "heartbeats?integration=opsgenie-more")["items"]
        found: dict[str, Any] = next(each for each in rows if each["name"] == "more-backup")
        return found

    made = opsgenie_sdk.CreateHeartbeatPayload(
        name="more-backup", description="Nightly", interval=10, interval_unit="minutes", enabled=False,
        alert_message="No backup", alert_tags=["backup"], alert_priority="P1",
    )  # fmt: skip
    assert api.create_heartbeat(made).data.name == "more-backup"
    assert (ours()["enabled"], ours()["every"]) == (False, "10m")
    assert refused(lambda: api.create_heartbeat(made))[0] == 422
    change = opsgenie_sdk.UpdateHeartbeatPayload(interval=3, interval_unit="days", enabled=True)
    api.update_heartbeat("more-backup", update_heartbeat_payload=change)
    found = api.get_heartbeat("more-backup").data
    assert (found.interval, found.interval_unit, found.enabled) == (3, "days", True)
    assert found.description == "Nightly"
    assert (ours()["enabled"], ours()["every"], ours()["summary"]) == (True, "3d", "No backup")
    assert ours()["labels"] == {"priority": "P1", "tag.backup": "true"}
    assert api.ping("more-backup").result == "PONG - Heartbeat received"
    eventually(lambda: api.get_heartbeat("more-backup").data.last_ping_time)
    assert not api.disable_heartbeat("more-backup").data.enabled
    assert not ours()["enabled"]
    api.delete_heartbeat("more-backup")
    assert refused(lambda: api.disable_heartbeat("more-backup"))[0] == 404
    assert tocsin.api("GET", "heartbeats?integration=opsgenie-more")["items"] == []
