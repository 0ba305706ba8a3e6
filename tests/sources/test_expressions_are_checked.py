"""Expressions are checked when they are saved: of mappers and of routes alike."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.domain.cel_text import code_of
from tocsin.domain.expression import Facts, parse_expression
from tocsin.domain.mapping.expressions import Scene, check, find

BOTH = pytest.mark.parametrize("read", [check, parse_expression], ids=["mapper", "route"])
Read = Callable[[str], object]
ADAPTER = Path(__file__).parents[2] / "tocsin/adapters/mapper"
PAGE = Path(__file__).parents[2] / "docs/how-to/presets.md"
DEEP = "payload.a.all(x, payload.b.all(y, payload.c.all(z, z == {})))"
PIECES = (
    *(
        "payload.a",
        "payload.b",
        ".map(x, ",
        ".all(y, ",
        ".exists(x, ",
        ".filter(payload, ",
        "x",
        "y",
        ")",
        "(",
    ),
    *(
        "'",
        '"',
        "'''",
        "r'",
        "\\",
        "//",
        "\n",
        " + ",
        " == ",
        "1",
        "size(",
        "[0]",
        "?",
        ":",
        "{",
        "}",
        "é",
        "\0",
    ),
)


@BOTH
def test_a_name_of_a_loop_is_known_in_it_only(read: Read) -> None:
    read("payload.a.exists(x, x == 1) && payload.x == 2")
    with pytest.raises(ValueError, match=r"no “x” outside its loop \(line 2, character 5\)"):
        read("payload.a.exists(x, x == 1)\n && x == 2")
    with pytest.raises(ValueError, match="no “x” outside its loop"):
        read("x.exists(x, x == 1)")


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        DEEP.format("'a' // don't\n"),
        r"r'\' == '' ? true : " + DEEP.format("1"),
        '"""a"b""" == "" || ' + DEEP.format('"c"'),
        "// it's\n" + DEEP.format("'d'"),
    ],
)
def test_no_quote_hides_a_loop_from_what_it_costs(read: Read, text: str) -> None:
    with pytest.raises(ValueError, match="deep"):
        read(text)


@BOTH
def test_what_is_quoted_is_no_loop(read: Read) -> None:
    read("""size('payload.a.all(q, payload.b.all(q, payload.c.all(q, q)))') > 1""")


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example(".map(x, x)")
@example("m.T{f: payload}")
@example("cel.bind(a, 1, a)")
def test_any_text_is_refused_or_worked_out(text: str) -> None:
    assert len(code_of(text)) == len(text)
    payload = {"a": [1, 2, {"x": "é"}], "b": "text"}
    try:
        check(text)
    except ValueError:
        pass
    else:
        _, problems = find([text], Scene({"payload": payload, "event": {}, "headers": {}, "options": {}}))
        assert all("undefined" not in problem.lower() for _, problem in problems)
    try:
        expression = parse_expression(text)
    except ValueError:
        return
    expression.holds(Facts({"summary": "s"}, payload), {"env": "prod"})


def test_the_page_claims_no_more_of_a_preset_than_its_file() -> None:
    sections = PAGE.read_text().split("\n## ")
    files = sorted((ADAPTER / "presets").glob("*.yaml"))
    assert files
    for file in files:
        said = yaml.safe_load(file.read_text())["checked"]
        section = next(each for each in sections if f"Kind `{file.stem}`" in each)
        assert ("from memory" in section) == ("from memory" in said), file.stem
