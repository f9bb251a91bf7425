"""Settings, read from the environment; every variable is a line of `.env.example`, each also as NAME_FILE."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.dateparse import parse_duration
from environ.fileaware_mapping import FileAwareMapping

from marketplace_payouts.lib import logs
from payments.stripe import pinned

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent


class Values(FileAwareMapping):
    """Variables as they are meant: a file's last line break is no part of a secret, and a dollar is a dollar."""

    def __getitem__(self, key: str) -> str:
        value: str = super().__getitem__(key)
        # django-environ takes what begins with a dollar for another variable's name, unless it is escaped.
        return value.strip().replace("$", r"\$")


class Environment(environ.FileAwareEnv):
    """The environment in which NAME_FILE names a file that holds the value of NAME."""

    ENVIRON = Values()

    def __init__(self) -> None:
        super().__init__()
        self.escape_proxy = True

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        """This will read a variable.

        :raises ImproperlyConfigured: naming the variable, when it or its file cannot be read.
        """
        try:
            return super().get_value(var, *args, **options)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise ImproperlyConfigured(
                f"The file that {var}_FILE names cannot be read ({reason}): check its path and its rights for the"
                " user that runs the product."
            ) from None
        except ValueError:
            raise ImproperlyConfigured(
                f"{var} is not of the right form: see its line in docs/configuration.md."
            ) from None


env = Environment()
# DOTENV names another file than `.env`, or is empty for none: the demo and the tests read nobody's real settings.
_dotenv = os.environ.get("DOTENV", str(BASE_DIR / ".env"))
if _dotenv and Path(_dotenv).is_file():
    env.read_env(_dotenv)


def _duration(name: str, default: str) -> timedelta:
    value = parse_duration(env.str(name, default=default))
    if value is None:
        raise ImproperlyConfigured(f"{name} is not an ISO 8601 duration; write for example P3D or PT12H.")
    if value < timedelta(0):
        raise ImproperlyConfigured(f"{name} is negative: write for example P3D or PT12H.")
    return value


DEBUG = env.bool("DEBUG", default=False)
# The sandbox speaks plain http on loopback; where DEBUG is off nothing else than https is ever spoken.
LOOPBACK_HTTP = DEBUG
ENVIRONMENT = env.str("ENVIRONMENT", default="test")
SECRET_KEY = env.str("SECRET_KEY", default="only-for-debug-" + "0123456789abcdef" * 4 if DEBUG else "")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[_public.hostname or "localhost"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "marketplace_payouts.apps.ProductConfig",
    "marketplace_payouts.admin.PayoutsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.headless",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "django_q",
    "djstripe",
    "accounts",
    "payments",
    "payouts",
    "flexsync",
]

MIDDLEWARE = [
    "marketplace_payouts.probes.any_host_for_probes",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.unreadable.RefuseUnreadable",
]

ROOT_URLCONF = "marketplace_payouts.urls"
WSGI_APPLICATION = "marketplace_payouts.wsgi.application"
ASGI_APPLICATION = "marketplace_payouts.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# A shared pool of connections breaks django-q2's forked workers (protocol cross-talk), hence none.
_database: dict[str, Any] = env.db_url("DATABASE_URL", default="postgres:///marketplace_payouts")
_database |= {
    "CONN_MAX_AGE": 60,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        **_database.get("OPTIONS", {}),
        "application_name": "marketplace-payouts",
        "options": "-c timezone=UTC -c lock_timeout=20s -c statement_timeout=120s"
        " -c idle_in_transaction_session_timeout=60s -c synchronous_commit=on",
    },
}
DATABASES = {"default": _database}

REDIS_URL = env.str("REDIS_URL", default="")
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        # Django's own 300 would have people's limits forgotten as soon as many people log in.
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    },
}

# The queue only says "there is work"; the tables hold it. Every value here is held by a system check.
Q_CLUSTER: dict[str, Any] = {
    "name": "payouts",
    "workers": env.int("CLUSTER_WORKERS", default=4),
    "timeout": 240,
    "retry": 300,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "bulk": 1,
    "queue_limit": env.int("CLUSTER_WORKERS", default=4),
    "poll": 0.5,
    "save_limit": 200,
    "guard_cycle": 1,
    "label": "Queue",
}
Q_CLUSTER |= {"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.two_doors.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# Staff, who come in by the pages, are exempt: see accounts.two_doors.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_ADAPTER = "accounts.allauth_adapter.Accounts"
ACCOUNT_LOGIN_BY_CODE_ENABLED = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
HEADLESS_CLIENTS = ("app",)
HEADLESS_SERVE_SPECIFICATION = True
HEADLESS_SPECIFICATION_TEMPLATE_NAME = None  # its page takes scripts from elsewhere
HEADLESS_TOKEN_STRATEGY = "accounts.two_doors.SessionTokens"  # noqa: S105 - a path
SIGN_UP_OPEN = env.bool("SIGN_UP_OPEN", default=True)
# Where the front end lets people choose a new password, with {key} in it; our own page where it is empty.
PASSWORD_RESET_URL = env.str("PASSWORD_RESET_URL", default="")
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ADAPTER = "accounts.allauth_adapter.SealedFactors"
MFA_TOTP_ISSUER = "Marketplace Payouts"
STAFF_MFA_REQUIRED = env.bool("STAFF_MFA_REQUIRED", default=True)

LANGUAGE_CODE = "en-gb"
# Of payees' pages, mails and papers, and of what the API says to payees; the back office speaks the first one alone.
LANGUAGES = (("en-gb", "English"), ("vi", "Tiếng Việt"))
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["marketplace_payouts.formats"]
TIME_ZONE = "UTC"
BUSINESS_TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

_https = _public.scheme == "https"
SECURE_SSL_REDIRECT = _https
# Asked by machines beside us, without the proxy that speaks TLS.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
# How many proxies stand before us, each of which adds to X-Forwarded-For the address that called it.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=1 if _https else 0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = _https
SESSION_COOKIE_NAME = "__Host-session" if _https else "session"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _https
CSRF_COOKIE_NAME = "__Host-csrf" if _https else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "payouts.payee_pages.door.forged"
# As payees see the marketplace; `accounts.branding` reads them, and system checks hold them.
BRAND_NAME = env.str("BRAND_NAME", default="")
BRAND_URL = env.str("BRAND_URL", default="")
BRAND_LOGO = env.str("BRAND_LOGO", default="")
BRAND_COLOUR = env.str("BRAND_COLOUR", default="") or "#1f4e5f"
BRAND_TEXT_COLOUR = env.str("BRAND_TEXT_COLOUR", default="")
BRAND_SUPPORT_EMAIL = env.str("BRAND_SUPPORT_EMAIL", default="")
BRAND_ADDRESS = [part.strip() for part in env.str("BRAND_ADDRESS", default="").split("|") if part.strip()]
_logo = urlsplit(BRAND_LOGO)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", *([f"https://{_logo.netloc}"] if _logo.scheme == "https" else [])],
        "style-src": ["'self'"],
        "script-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# Browsers may call the API from these origins; no cookie is ever taken from there.
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/((api|_allauth)/|buyer$|seller(/|$))"
CORS_ALLOW_HEADERS = (
    "accept",
    "authorization",
    "content-type",
    "x-session-token",
    "x-email-verification-key",
    "x-password-reset-key",
)
CORS_EXPOSE_HEADERS = ("retry-after",)
CORS_PREFLIGHT_MAX_AGE = 3600

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.OurSession",
        "accounts.api.authentication.SharetribeToken",
        "accounts.api.authentication.AccountSession",
        "accounts.api.authentication.SignedRequest",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.IsPerson", "accounts.api.permissions.MayChange"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttles.ByCaller"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.parsing.Json"],
    "DEFAULT_SCHEMA_CLASS": "accounts.api.schema.Operation",
    "EXCEPTION_HANDLER": "accounts.api.errors.respond",
    "NUM_PROXIES": TRUSTED_PROXIES,
    "COERCE_DECIMAL_TO_STRING": True,
}
# By name: requests a minute in the long run, and how many of them at once after a rest.
API_RATES = {
    "caller": (300, 100),
    "server": (3000, 500),
    "address": (600, 200),
    "login": (20, 10),
    "mail": (2, 3),
    "sharetribe": (300, 100),
    "code": (4, 20),
    "code_mail": (0.05, 4),
    "question": (6, 10),
    "paper": (30, 20),
    "stripe": (60, 30),
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Marketplace Payouts",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Fields of one name with other choices each.
    "ENUM_NAME_OVERRIDES": {
        "CallerKind": ["person", "server"],
        "NoticeKind": "payouts.notices.kinds.KINDS",
        "OfferKind": ["form", "hosted"],
        "QuestionKind": "payouts.models.CaseKind.values",
        "SwitchableNotice": "payouts.notices.kinds.SWITCHES",
        "PayoutState": "payouts.payee_view.shapes.Phase.values",
    },
    "SERVERS": [{"url": PUBLIC_URL}],
    "EXTERNAL_DOCS": {
        "url": f"{PUBLIC_URL}/_allauth/openapi.json",
        "description": "Sign-up, log-in and passwords of accounts.",
    },
}

vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
# A mail server that says nothing would hold up a worker until the queue kills it.
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="payouts@localhost")
# Kinds of notices, by `payouts.notices.kinds`, that no payee is sent.
NOTICES_OFF: list[str] = env.list("NOTICES_OFF", default=[])
ALERT_EMAILS: list[str] = env.list("ALERT_EMAILS", default=[])
ALERT_WEBHOOK_URL = env.str("ALERT_WEBHOOK_URL", default="")
RECORDS_FOLDER = env.str("RECORDS_FOLDER", default="")
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

METHOD_COOL_DOWN = _duration("METHOD_COOL_DOWN", "P3D")
APPROVAL_VALID_FOR = _duration("APPROVAL_VALID_FOR", "P7D")
SOURCE_CHECK_VALID_FOR = _duration("SOURCE_CHECK_VALID_FOR", "PT15M")
POLL_OVERLAP_EVENTS = env.int("POLL_OVERLAP_EVENTS", default=200)
# Sharetribe is asked again after so many seconds while events come, and ever later while none do.
POLL_SHORTEST_S = env.int("POLL_SHORTEST_S", default=10)
POLL_LONGEST_S = env.int("POLL_LONGEST_S", default=60)
SEND_LEASE = timedelta(seconds=120)

DETAILS_KEYS = env.str(
    "DETAILS_KEYS", default="debug:" + "ZGVidWctb25seS1rZXktZGVidWctb25seS1rZXktMTI=" if DEBUG else ""
)
FINGERPRINT_KEY = env.str(
    "FINGERPRINT_KEY", default="ZGVidWctb25seS1rZXktZGVidWctb25seS1rZXktMTI=" if DEBUG else ""
)

FLEX_BASE_URL = env.str("FLEX_BASE_URL", default="https://flex-integ-api.sharetribe.com")
FLEX_MARKETPLACE_BASE_URL = env.str("FLEX_MARKETPLACE_BASE_URL", default="https://flex-api.sharetribe.com")
FLEX_CLIENT_ID = env.str("FLEX_CLIENT_ID", default="")
FLEX_CLIENT_SECRET = env.str("FLEX_CLIENT_SECRET", default="")
# The application through which the front end's users log in. Without its secret nobody can tell them from an operator.
FLEX_MARKETPLACE_CLIENT_ID = env.str("FLEX_MARKETPLACE_CLIENT_ID", default="")
FLEX_MARKETPLACE_CLIENT_SECRET = env.str("FLEX_MARKETPLACE_CLIENT_SECRET", default="")
FLEX_DEV_LIMITS = env.bool("FLEX_DEV_LIMITS", default=ENVIRONMENT == "test")

# How sellers' accounts at Stripe are made; held by `payments.checks`.
STRIPE_SELLERS: dict[str, Any] = {
    "kind": env.str("STRIPE_SELLER_ACCOUNTS", default="") or "express",
    "countries": env.list("STRIPE_SELLER_COUNTRIES", default=[]),
    "capabilities": env.list("STRIPE_SELLER_CAPABILITIES", default=[]) or ["transfers"],
    "return_origins": env.list("STRIPE_RETURN_ORIGINS", default=[]) or [PUBLIC_URL, *CORS_ALLOWED_ORIGINS],
    "at_first_listing": env.bool("STRIPE_ACCOUNT_AT_FIRST_LISTING", default=False),
    "country_field": env.str("STRIPE_COUNTRY_FIELD", default="") or "publicData.country",
}

# What dj-stripe calls STRIPE_SECRET_KEY and STRIPE_API_HOST it is not told: it would write the key into its tables in
# clear, and call by itself. `payments.stripe` alone speaks to Stripe, and answers dj-stripe from what it has read.
STRIPE = {
    "secret_key": env.str("STRIPE_SECRET_KEY", default=""),
    "api_host": env.str("STRIPE_API_HOST", default="") or f"https://{pinned.HOST}",
}
STRIPE_API_VERSION = env.str("STRIPE_API_VERSION", default="") or pinned.API_VERSION
STRIPE_LIVE_MODE = "_live_" in STRIPE["secret_key"]
# In place of the key: of the form that dj-stripe demands, and good for nothing.
STRIPE_LIVE_SECRET_KEY = "sk_live_" + "dj0stripe0is0told0no0key"
STRIPE_TEST_SECRET_KEY = "sk_test_" + "dj0stripe0is0told0no0key"
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"

# News goes up as data: `payouts` stages a message, these functions (by dotted path) tell it.
OUTBOX_HANDLERS = {
    "write_back": "flexsync.writeback.tell",
    "tell_payment": "flexsync.payment_telling.tell",
    "tell_user": "flexsync.user_telling.tell",
    "notice": "payouts.notices.telling.tell",
    "answer": "payouts.cases.tell",
    "cancel": "payouts.cancelling.tell",
    "take_back": "payouts.taking_back.tell",
    "verify_method": "payouts.notices.telling.tell",
    "entry_code": "accounts.payee_door.codes.mail",
    "method_changed": "payouts.notices.telling.tell",
    "alert": "payouts.alerts.tell",
}

# The way of the money, stage by stage, each a function stage(*, limit, now) -> how many it moved.
STAGES = {
    "count": "payouts.counting.count",
    "understand": "flexsync.interpreter.understand",
    "gather": "payouts.scheduling.gather",
    "decide": "payouts.approval.decide",
    "reread": "flexsync.rereading.reread",
    "send": "payouts.submission.send",
    "work_off": "payouts.webhooks.work_off",
    "ask": "payouts.reconciliation.ask",
    "settle": "payouts.settlement.settle",
    "mend": "payouts.mending.mend",
    "tell": "payouts.outbox.tell",
    "stripe": "payments.stripe.syncing.sync",
    "first_listings": "flexsync.first_listings.open_accounts",
    "people": "payments.reading.read_again",
    "sellers": "payouts.seller_news.pass_on",
    "deliver": "payouts.subscriptions.delivering.deliver",
}
INVARIANTS = (
    "payouts.invariants.money.INVARIANTS",
    "payouts.invariants.sending.INVARIANTS",
    "payouts.invariants.payments.INVARIANTS",
    "payouts.invariants.decisions.INVARIANTS",
    "payouts.invariants.records.INVARIANTS",
    "payouts.invariants.work.INVARIANTS",
    "payouts.invariants.subscriptions.INVARIANTS",
    "flexsync.invariants.INVARIANTS",
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "lines": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processors": [
                logs.drop_meta,
                logs.hide_secrets,
                logs.render,
            ],
            "foreign_pre_chain": [logs.add_level, logs.add_time],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    # At DEBUG Stripe's library would write down whole bodies: people's data, and links that let anybody in.
    "loggers": {"stripe": {"level": "WARNING"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
}
