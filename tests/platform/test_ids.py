import uuid

from tocsin.lib import ids


def test_it_makes_ids_that_sort_by_age() -> None:
    made = [ids.new_id() for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {uuid.UUID(one).version for one in made} == {7}
    assert {uuid.UUID(one).variant for one in made} == {uuid.RFC_4122}


def test_it_makes_number_keys_that_postgresql_takes() -> None:
    assert ids.number_key("migrate") == ids.number_key("migrate")
    assert -(2**63) <= ids.number_key("migrate") < 2**63


def test_it_makes_integration_keys_of_32_hex_digits() -> None:
    assert len(ids.hex_key()) == 32
    assert int(ids.hex_key(), 16) >= 0
