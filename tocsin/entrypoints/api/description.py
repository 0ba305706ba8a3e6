"""The OpenAPI description, with what the door does for every operation."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. A 409 also lists what is `allowed`.",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "allowed": {"type": "array", "items": {"type": "string"}},
    },
}
_DEFAULT = {
    "description": "Anything else: a problem",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body again: the same answer, and nothing is done twice. Kept for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the GET that is edited, or * for whatever is there. Else 412; absent: 428.",
    "schema": {"type": "string"},
}


class Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(operation.view_func.__name__).rstrip("_")

    def get_openapi_schema(self, **given: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**given)
        schema["components"]["schemas"]["Problem"] = _PROBLEM
        for operations in schema["paths"].values():
            for method, operation in operations.items():
                operation["responses"]["default"] = _DEFAULT
                header = {"post": _IDEMPOTENCY_KEY, "put": _IF_MATCH, "patch": _IF_MATCH}.get(method)
                if header is not None:
                    operation.setdefault("parameters", []).append(header)
        return schema
