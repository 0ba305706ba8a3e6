"""Contact methods of every channel in files: read, written back, and secrets kept out of differences."""

from tocsin.domain.configuration.load import load
from tocsin.domain.configuration.people import user_form
from tocsin.domain.configuration.plan import _hidden

FILE = """
users:
  - email: alice@example.com
    contact_methods:
      - {type: slack, address: alice@example.com}
      - {type: mattermost, address: "@alice"}
      - {type: teams, address: "https://x.logic.azure.com/workflows/1?sig=s3cret"}
      - {type: telegram, address: 4711}
      - {type: ntfy, address: "https://ntfy.example.com/alice", token: tk_s3cret}
      - {type: apprise, address: "pover://user@s3cret"}
"""


def test_they_are_read_and_written_as_they_are() -> None:
    loaded = load({"f": FILE})
    assert loaded.report.problems == []
    (alice,) = loaded.organisation.users.values()
    written = user_form(alice)["contact_methods"]
    assert [each["type"] for each in written] == [
        "slack",
        "mattermost",
        "teams",
        "telegram",
        "ntfy",
        "apprise",
    ]
    assert written[3] == {"type": "telegram", "address": "4711"}
    assert written[4]["token"] == "tk_s3cret"


def test_a_difference_shows_no_secret() -> None:
    (alice,) = load({"f": FILE}).organisation.users.values()
    shown = str(_hidden("contact_methods", user_form(alice)["contact_methods"]))
    assert "s3cret" not in shown
    assert "4711" in shown
