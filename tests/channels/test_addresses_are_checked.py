import pytest

from tests.channels.conftest import Case
from tocsin.adapters.apprise import services
from tocsin.domain.errors import Invalid

FINE = [
    ("slack", " U012AB3CD ", "U012AB3CD"),
    ("slack", "Alice@Example.com", "alice@example.com"),
    ("slack", "#ops-team", "#ops-team"),
    ("slack", "C012AB3CD", "C012AB3CD"),
    ("mattermost", "Alice", "@alice"),
    ("mattermost", "@alice.b", "@alice.b"),
    ("mattermost", "Alice@Example.com", "alice@example.com"),
    ("mattermost", "main/ops", "main/ops"),
    ("teams", " https://x.logic.azure.com/workflows/1?sig=a ", "https://x.logic.azure.com/workflows/1?sig=a"),
    ("teams", "http://127.0.0.1:8473/workflows/me", "http://127.0.0.1:8473/workflows/me"),
    ("telegram", " 4711 ", "4711"),
    ("telegram", "-1001234567890", "-1001234567890"),
    ("telegram", "@ops_channel", "@ops_channel"),
    ("ntfy", "tocsin-alice_4f7Qz", "tocsin-alice_4f7Qz"),
    ("ntfy", "https://ntfy.example.com/alice", "https://ntfy.example.com/alice"),
    ("ntfy", "https://example.com/ntfy/alice", "https://example.com/ntfy/alice"),
    ("push", " Firefox on\nAndroid · 3fa9c1 ", "Firefox on Android · 3fa9c1"),
    ("apprise", " pover://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@tttttttttttttttttttttttttttttt ", None),
    ("apprise", "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", None),
]
WRONG = [
    ("slack", "alice"),
    ("slack", ""),
    ("slack", "# ops"),
    ("slack", "<!channel>"),
    ("slack", "U012AB3CD,U999"),
    ("mattermost", ""),
    ("mattermost", "main/ops/more"),
    ("mattermost", "alice and bob"),
    ("mattermost", "../users"),
    ("teams", "x.logic.azure.com/workflows"),
    ("teams", "http://x.logic.azure.com/workflows/1"),
    ("teams", "https://acme.webhook.office.com/webhookb2/1"),
    ("teams", f"https://x.logic.azure.com/{'a' * 600}"),
    ("teams", "https://x y/"),
    ("telegram", "alice"),
    ("telegram", "0"),
    ("telegram", "@ab"),
    ("telegram", "+491701234"),
    ("ntfy", "has space"),
    ("ntfy", "a" * 65),
    ("ntfy", "https://ntfy.example.com/"),
    ("ntfy", "https://user:pass@ntfy.example.com/alice"),
    ("ntfy", "ftp://ntfy.example.com/alice"),
    ("push", ""),
    ("push", "n" * 81),
    ("apprise", "pover://"),
    ("apprise", "discord"),
    ("apprise", "file:///etc/passwd"),
    ("apprise", "syslog://"),
    ("apprise", "dbus://"),
    ("apprise", "gnome://"),
    ("apprise", "windows://"),
    ("apprise", "macosx://"),
    ("apprise", "rsyslog://example.com"),
    ("apprise", "mqtt://example.com/topic"),
    ("apprise", "json://169.254.169.254/"),
    ("apprise", "JSON://169.254.169.254/"),
    ("apprise", "xml://example.com"),
    ("apprise", "form://example.com"),
    ("apprise", "mailto://user:pass@example.com"),
    ("apprise", "slack://a/b/c"),
    ("apprise", "tgram://a/b"),
    ("apprise", "apprise://example.com/token"),
    ("apprise", "fcm://project@keyfile?keyfile=/etc/passwd"),
    ("apprise", f"gotify://example.com/{'a' * 600}"),
]


@pytest.mark.parametrize(("case", "given", "expected"), FINE, indirect=["case"])
def test_an_address_takes_its_one_form(case: Case, given: str, expected: str | None) -> None:
    assert case.channel.check_address(given) == (given.strip() if expected is None else expected)


@pytest.mark.parametrize(("case", "given"), WRONG, indirect=["case"])
def test_what_cannot_be_an_address_is_refused_with_words(case: Case, given: str) -> None:
    with pytest.raises(Invalid) as caught:
        case.channel.check_address(given)
    (problem,) = caught.value.errors
    assert problem.field == "address"
    assert len(problem.message) > 15


@pytest.mark.parametrize("case", ["apprise"], indirect=True)
def test_what_tocsin_does_itself_is_named(case: Case) -> None:
    with pytest.raises(Invalid, match="choose “email” instead"):
        case.channel.check_address("mailto://user:pass@example.com")


def test_nothing_is_offered_through_apprise_that_acts_here_or_is_ours() -> None:
    dangerous = {"syslog", "dbus", "kde", "qt", "glib", "gnome", "windows", "macosx", "rsyslog", "blink1"}
    dangerous |= {
        "json",
        "xml",
        "form",
        "apprise",
        "mqtt",
        "irc",
        "xmpp",
        "smpp",
        "amqp",
        "fcm",
        "vapid",
        "growl",
    }
    assert not services.SCHEMAS & (dangerous | services.INSTEAD.keys())
    assert len(services.SCHEMAS) > 100
