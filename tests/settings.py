"""The product's settings with what tests need, whatever the environment and `.env` say."""

import os

# Commands that tests start as processes of their own must see the same.
_OURS = {
    "DOTENV": "",
    "DEBUG": "1",
    "ENVIRONMENT": "test",
    "SECRET_KEY": "tests-only-" + "0123456789abcdef" * 4,
    "DETAILS_KEYS": "tests:dGVzdHMtb25seS1rZXktdGVzdHMtb25seS1rZXktMTI=",
    "FINGERPRINT_KEY": "tests-only-fingerprint-key",
    "EMAIL_URL": "memorymail://",
    "FLEX_DEV_LIMITS": "0",  # the sandbox has Sharetribe's limits only where a test switches them on
    "LOG_LEVEL": "WARNING",
    "STAFF_MFA_REQUIRED": "0",
}
os.environ |= _OURS
for _name in [f"{name}_FILE" for name in _OURS]:
    os.environ.pop(_name, None)  # would win
_NOBODYS = (
    "ALERT_EMAILS",
    "ALERT_WEBHOOK_URL",
    "ALLOWED_HOSTS",
    "BRAND_ADDRESS",
    "BRAND_COLOUR",
    "BRAND_LOGO",
    "BRAND_NAME",
    "BRAND_SUPPORT_EMAIL",
    "BRAND_TEXT_COLOUR",
    "BRAND_URL",
    "CORS_ORIGINS",
    "DEFAULT_FROM_EMAIL",
    "NOTICES_OFF",
    "PASSWORD_RESET_URL",
    "PUBLIC_URL",
    "REDIS_URL",
    "SIGN_UP_OPEN",
    "STRIPE_API_HOST",
    "STRIPE_API_VERSION",
    "STRIPE_SECRET_KEY",
    "TIME_ZONE",
    "TRUSTED_PROXIES",
)
for _name in _NOBODYS:
    os.environ.pop(_name, None)
    os.environ.pop(f"{_name}_FILE", None)

from marketplace_payouts.settings import *  # noqa: E402, F403 - after the environment is set

# One round instead of a million: the tests log many people in.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# It warns of a folder that only `collectstatic` makes; tests look at pages, not at how files are served.
MIDDLEWARE = [name for name in MIDDLEWARE if "whitenoise" not in name]  # noqa: F405 - from the settings above
