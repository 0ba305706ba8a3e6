"""The settings of the tests: nothing of the developer's environment reaches them."""

import os
import tempfile
from pathlib import Path

for _name in list(os.environ):
    if _name.startswith("TOCSIN_") and not _name.startswith("TOCSIN_TEST_"):
        del os.environ[_name]
os.environ["TOCSIN_SECRET_KEY"] = "a secret for the tests only, never used elsewhere"
os.environ["TOCSIN_DATA_DIR"] = str(Path(tempfile.gettempdir(), f"tocsin-tests-{os.getuid()}"))
os.environ["TOCSIN_PUBLIC_URL"] = "http://testserver"
os.environ["TOCSIN_LOG_LEVEL"] = "warning"

from tocsin.config.settings import *  # noqa: E402, F403 - the environment comes first
from tocsin.config.settings import DATABASES  # noqa: E402 - same

# A test's connection is opened and closed by the test; a pool's threads would outlive it.
del DATABASES["default"]["OPTIONS"]["pool"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
