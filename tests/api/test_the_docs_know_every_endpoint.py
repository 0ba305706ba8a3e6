from pathlib import Path

from tocsin.entrypoints.api.root import api

DOCS = Path(__file__).parents[2] / "docs/reference/api.md"


def test_the_docs_know_every_endpoint() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for path, operations in api.get_openapi_schema(path_prefix="")["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in text
