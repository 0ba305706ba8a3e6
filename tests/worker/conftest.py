from tests.escalation.conftest import mail, people

__all__ = ["mail", "people"]
