"""Django's settings, made from the options. What an operator may set is in `options.py`."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import django_stubs_ext

from tocsin.config import options as _options
from tocsin.lib import http, log, signing

django_stubs_ext.monkeypatch()

TOCSIN: Final = _options.load()
_PACKAGE: Final = Path(__file__).resolve().parent.parent

log.configure(TOCSIN.log_format, TOCSIN.log_level)
LOGGING_CONFIG = None
signing.configure(TOCSIN.secret_key)
http.configure(TOCSIN.https_proxy, TOCSIN.ca_bundle, allow_private=TOCSIN.allow_private_targets)

SECRET_KEY = TOCSIN.secret_key
DEBUG = False
ALLOWED_HOSTS = ["*"]  # absolute URLs are made from TOCSIN_PUBLIC_URL, never from the Host header
ROOT_URLCONF = "tocsin.config.urls"
WSGI_APPLICATION = "tocsin.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    # Before allauth, so that our sign-in templates win.
    "tocsin.entrypoints.web",
    "procrastinate.contrib.django",
    "tocsin.apps.audit",
    "tocsin.apps.identity",
    "tocsin.apps.oncall",
    "tocsin.apps.notify",
    "tocsin.apps.escalation",
    "tocsin.apps.catalog",
    "tocsin.apps.integrations",
    "tocsin.apps.alerts",
    "tocsin.apps.incidents",
    "tocsin.apps.configuration",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "allauth.mfa",
    "tocsin.config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tocsin.entrypoints.web.csp.Middleware",
    "tocsin.entrypoints.web.middleware.ReaderZone",
    "tocsin.entrypoints.web.middleware.DomainErrors",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_PACKAGE / "entrypoints/web/templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tocsin.entrypoints.web.context.page",
            ],
            "builtins": ["tocsin.entrypoints.web.templatetags.tocsin"],
        },
    },
]


def database(url: str) -> dict[str, Any]:
    """One entry of DATABASES from `postgresql://user:password@host:port/name?option=value`."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")) or "tocsin",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or query.pop("host", "")),
        "PORT": str(parts.port or query.pop("port", "")),
        # A pool of its own for each process; its connections are checked when handed out, so that a
        # restarted server costs one reconnect and no failed page. A worker has some twenty threads that may
        # ask at once.
        "OPTIONS": {**query, "pool": {"min_size": 1, "max_size": 32, "timeout": 10}},
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": database(TOCSIN.database_url or "postgresql:///tocsin")}

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [_PACKAGE / "entrypoints/web/static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    # Scripts of allauth for passkeys.
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
# Served straight from the package: an installed wheel needs no collectstatic step.
WHITENOISE_USE_FINDERS = True
# Names carry no version, so browsers ask again after a minute (and hear "unchanged").
WHITENOISE_MAX_AGE = 60

AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"
CSRF_FAILURE_VIEW = "tocsin.entrypoints.web.views.errors.csrf"

ACCOUNT_ADAPTER = "tocsin.config.accounts.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "tocsin.config.accounts.SocialAccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# An administrator gave the address; a mail that cannot be sent must not lock anybody out at night.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if TOCSIN.https else "http"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Tocsin"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = TOCSIN.public_host == "localhost"

_oidc = TOCSIN.oidc
_saml = TOCSIN.saml
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "sso",
                "name": _oidc.name,
                "client_id": _oidc.client_id,
                "secret": _oidc.client_secret,
                "settings": {"server_url": _oidc.server_url},
            }
        ]
        if _oidc
        else []
    },
    "saml": {
        "APPS": [
            {
                "provider_id": _saml.entity_id,
                "client_id": "saml",
                "name": _saml.name,
                "settings": {"idp": {"entity_id": _saml.entity_id, "metadata_url": _saml.metadata_url}},
            }
        ]
        if _saml
        else []
    },
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = TOCSIN.https
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
CSRF_COOKIE_SECURE = TOCSIN.https
CSRF_TRUSTED_ORIGINS = [TOCSIN.public_url]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

_smtp = TOCSIN.smtp
DEFAULT_FROM_EMAIL = SERVER_EMAIL = TOCSIN.mail_from
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _smtp else 'console'}.EmailBackend"
if _smtp:
    EMAIL_HOST, EMAIL_PORT = _smtp.host, _smtp.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _smtp.user, _smtp.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = _smtp.tls == "starttls", _smtp.tls == "tls"
    EMAIL_TIMEOUT = 20
