import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.lib.segments import named, segment


@given(st.text(alphabet="/.~2EF7new61ad ", min_size=1))
def test_a_name_comes_back_from_its_part_of_an_address(name: str) -> None:
    assert "/" not in segment(name)
    assert segment(name) not in {".", "..", "new", "add"}
    assert named(segment(name)) == name


@pytest.mark.parametrize("name", ["primary-oncall", "Zahlungen, Süd", "a~b", "news"])
def test_an_ordinary_name_is_shown_as_it_is(name: str) -> None:
    assert segment(name) == name
