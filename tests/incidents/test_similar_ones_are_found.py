"""Incidents of the past that look like the one at hand."""

from datetime import timedelta

from django.db import connection

from tests.incidents.conftest import Company
from tocsin.apps.incidents import actions
from tocsin.apps.incidents.similar import similar


def over(company: Company, title: str, note: str = "", **labels: str) -> str:
    body = {"action": "trigger", "dedup_key": title, "summary": title, "labels": labels}
    company.send(body)
    ref = company.newest().ref
    company.wait(minutes=10)
    if note:
        actions.note(actor=company.mate, ref=ref, text=note, now=company.now)
    actions.resolve(actor=company.mate, ref=ref, now=company.now)
    company.send({"action": "resolve", "dedup_key": title})
    company.wait(hours=25)
    return ref


def test_the_likest_comes_first_with_who_ended_it_and_how(company: Company) -> None:
    over(company, "Certificate of shop expires soon")
    like = over(company, "Disk full on db1", "Removed the old logs", host="db1")
    company.send(
        {"action": "trigger", "dedup_key": "x", "summary": "Disk full on db2", "labels": {"host": "db2"}}
    )
    found = similar(company.newest().ref)
    assert [each.ref for each in found] == [like]
    assert (found[0].resolved_by, found[0].notes) == ("mate@example.com", ("Removed the old logs",))
    assert found[0].took == timedelta(minutes=10)


def test_the_same_group_and_labels_stand_above_a_like_title(company: Company) -> None:
    over(company, "Queue of mails is long", queue="other")
    same = over(company, "Queue of mails is long!", queue="mails")
    company.send(
        {
            "action": "trigger",
            "dedup_key": "Queue of mails is long!",
            "summary": "Queue of mails is long",
            "labels": {"queue": "mails"},
        }
    )
    assert similar(company.newest().ref)[0].ref == same


def test_what_is_open_is_no_past(company: Company) -> None:
    company.trigger("disk one full")
    assert similar(company.trigger("disk two full").ref) == ()


def test_the_nearest_titles_come_from_an_index(company: Company) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT id FROM incidents_incident ORDER BY title <-> 'x' LIMIT 50")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "incidents_title_near" in plan
