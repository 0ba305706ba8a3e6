from tests.incidents.conftest import company

__all__ = ["company"]
