from pathlib import Path

import pytest

from tocsin.config import options
from tocsin.lib.env import WrongSettingsError


def _read(folder: Path, **environ: str) -> options.Options:
    return options.read({"TOCSIN_DATA_DIR": str(folder), **environ})


def _problems(folder: Path, **environ: str) -> list[tuple[str, str]]:
    with pytest.raises(WrongSettingsError) as caught:
        _read(folder, **environ)
    assert all(problem.hint for problem in caught.value.problems)
    return [(problem.id, problem.message) for problem in caught.value.problems]


def test_it_needs_no_setting_at_all(tmp_path: Path) -> None:
    found = _read(tmp_path)
    assert found.embedded
    assert (found.bind_host, found.bind_port) == ("127.0.0.1", 8080)
    assert found.public_url == "http://127.0.0.1:8080"
    assert found.smtp is None


def test_the_secret_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first = _read(tmp_path).secret_key
    assert len(first) > 40
    assert _read(tmp_path).secret_key == first
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-token-of-more-than-20-characters\n")
    assert _read(tmp_path, TOCSIN_BOOTSTRAP_TOKEN_FILE=str(file)).bootstrap_token.startswith("a-token")


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    found = _problems(
        tmp_path,
        TOCSIN_BIND="8080",
        TOCSIN_PUBLIC_URL="tocsin.example.com",
        TOCSIN_BOOTSTRAP_TOKEN="short",
        TOCSIN_TRUSTED_PROXIES="10.0.0.0/8, nonsense",
    )
    assert [code for code, _ in found] == ["S006", "S005", "S007", "S009"]


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"TOCSIN_DATABASE_URL": "mysql://localhost/x"}, "S005"),
        ({"TOCSIN_DATABASE_URL": "postgresql://host:port/x"}, "S005"),
        ({"TOCSIN_SMTP_URL": "mail.example.com:25"}, "S005"),
        ({"TOCSIN_SMTP_URL": "smtp://"}, "S005"),
        ({"TOCSIN_BIND": "127.0.0.1:99999"}, "S006"),
        ({"TOCSIN_CA_BUNDLE": "/nowhere/ca.pem"}, "S002"),
        ({"TOCSIN_BOOTSTRAP_TOKEN_FILE": "/nowhere/token"}, "S002"),
        ({"TOCSIN_SECRET_KEY": "x" * 30, "TOCSIN_SECRET_KEY_FILE": "/nowhere"}, "S001"),
        ({"TOCSIN_TWILIO_ACCOUNT_SID": "AC1"}, "S010"),
        ({"TOCSIN_JIRA_URL": "https://jira.example.com"}, "S010"),
        ({"TOCSIN_LOG_FORMAT": "xml"}, "S004"),
        ({"TOCSIN_WATCHDOG_LAG": "soon"}, "S003"),
    ],
)
def test_a_wrong_setting_is_named_by_its_id(tmp_path: Path, environ: dict[str, str], code: str) -> None:
    assert code in [found for found, _ in _problems(tmp_path, **environ)]


def test_a_wrong_url_is_not_repeated_for_it_may_hold_a_password(tmp_path: Path) -> None:
    found = _problems(tmp_path, TOCSIN_DATABASE_URL="postgresql://u:hunter2@host:port/x")
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://mail.example.com", 25, "none"),
        ("smtp://mail.example.com:587", 587, "starttls"),
        ("smtp://mail.example.com:2525?starttls=true", 2525, "starttls"),
        ("smtps://mail.example.com", 465, "tls"),
    ],
)
def test_mail_urls_say_how_to_connect(tmp_path: Path, url: str, port: int, tls: str) -> None:
    smtp = _read(tmp_path, TOCSIN_SMTP_URL=url).smtp
    assert smtp is not None
    assert (smtp.port, smtp.tls) == (port, tls)


def test_mail_passwords_may_hold_any_character(tmp_path: Path) -> None:
    smtp = _read(tmp_path, TOCSIN_SMTP_URL="smtp://me%40example.com:p%2Fw%40@mail.example.com:25").smtp
    assert smtp is not None
    assert (smtp.user, smtp.password) == ("me@example.com", "p/w@")


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert _problems(file / "below")[0][0] == "S008"
    assert _read(file / "below", TOCSIN_SECRET_KEY="x" * 40).secret_key
