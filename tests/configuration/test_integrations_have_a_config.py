"""What the kind of an integration asks for can be said in a file, and comes back as it was."""

from tocsin.domain.configuration.forms import dump
from tocsin.domain.configuration.load import load
from tocsin.domain.configuration.model import Organisation

FILE = """
integrations:
  - name: prometheus
    kind: prometheus
    config:
      replica_labels: [replica]
      resolve_timeout: 10m
      quota: 600
      secret: "0123"
"""


def organisation(text: str) -> Organisation:
    found = load({"a.yaml": text}).organisation
    assert found is not None
    return found


def test_lists_numbers_and_words_come_back_as_they_were_written() -> None:
    read = organisation(FILE)
    assert read.integrations["prometheus"].config == {
        "replica_labels": ["replica"],
        "resolve_timeout": "10m",
        "quota": 600,
        "secret": "0123",
    }
    assert organisation(dump(read)).integrations == read.integrations


def test_without_a_config_what_is_there_is_left_alone() -> None:
    plain = organisation("integrations: [{name: prometheus, kind: prometheus}]")
    assert plain.integrations["prometheus"].config is None
