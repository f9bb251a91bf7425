"""Commands about users and listings: what people do in the marketplace before there is anything to pay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.flex.engine import check_size
from sandbox.flex.errors import ApiError
from sandbox.flex.market import Doing, Market, full_profile, user_attributes
from sandbox.flex.records import EXTENDED, Resource, merged
from sandbox.flex.values import Keyword, Uuid, geo, instant, money, parse_uuid

_FIRST: Final = ("Ada", "Bo", "Chidi", "Dung", "Elif", "Femi", "Greta", "Hana", "Ivo", "Jun", "Kofi", "Lea")
_LAST: Final = ("Adeyemi", "Berg", "Costa", "Dao", "Eze", "Fuchs", "Garcia", "Hoang", "Ito", "Jansen", "Kaya")
_ACCOUNT: Final = ("state", "stripeConnected", "emailVerified", "email")
PROFILE_FIELDS: Final = frozenset(
    ("firstName", "lastName", "displayName", "bio", "publicData", "protectedData", "privateData", "metadata")
)


def create_user(market: Market, doing: Doing, args: Mapping[str, Any]) -> Uuid:
    """Let somebody sign up. Whatever is not given is invented.

    :raises ApiError: `conflict` when the id or the e-mail address is taken.
    """
    user_id = parse_uuid(args["id"]) if args.get("id") else doing.new_id()
    invented = {"firstName": doing.rng.choice(_FIRST), "lastName": doing.rng.choice(_LAST)}
    profile = {**invented, **(args.get("profile") or {})}
    email = args.get("email") or f"{profile['firstName']}.{user_id[:8]}@example.com".lower()
    if user_id in market.users or email in market.by_email:
        raise ApiError("conflict", "there is such a user already")
    attributes = user_attributes(email=email, at=doing.at, given={**args, "profile": profile})
    record = Resource(
        type_name="user",
        record_id=user_id,
        created=doing.at,
        attributes=attributes,
        relationships={"marketplace": ("marketplace", market.id)},
    )
    market.by_email[email] = record
    if args.get("password"):
        market.passwords[user_id] = args["password"]
    market.add(doing, kept_in=market.users, record=record)
    return user_id


def change_user(market: Market, doing: Doing, args: Mapping[str, Any]) -> None:
    """Change what is known of a user: the account (by steering), or the profile.

    :raises ApiError: `user-not-found`, or when extended data grows too large.
    """
    record = user(market, args["id"])
    attributes = dict(record.version)
    for name in _ACCOUNT:
        if name in args:
            attributes[name] = Keyword(args[name]) if name == "state" else args[name]
    attributes["banned"] = attributes["state"] == "banned"
    attributes["profile"] = _changed_profile(attributes["profile"], args.get("profile") or {})
    if attributes["email"] != record.version["email"]:
        del market.by_email[record.version["email"]]
        market.by_email[attributes["email"]] = record
    market.change(doing, record=record, attributes=attributes)


def _changed_profile(present: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(present)
    for name, value in given.items():
        if name in EXTENDED:
            changed[name] = merged(present[name], value or {})
            check_size(name, changed[name])
        else:
            changed[name] = value
    if "displayName" not in given and ("firstName" in given or "lastName" in given):
        named = {name: changed[name] for name in ("firstName", "lastName")}
        changed["displayName"] = full_profile(named)["displayName"]
    return changed


def user(market: Market, user_id: str) -> Resource:
    """Find a user for a command.

    :raises ApiError: `user-not-found`.
    """
    found = market.users.get(user_id)
    if found is None:
        raise ApiError("user-not-found", path=("id",))
    return found


def create_listing(market: Market, doing: Doing, args: Mapping[str, Any]) -> Uuid:
    """Let a user offer something; an author is invented when none is given.

    :raises ApiError: `user-not-found`, or `conflict` when the id is taken.
    """
    author = user(market, args["author"]).id if args.get("author") else create_user(market, doing, {})
    listing_id = parse_uuid(args["id"]) if args.get("id") else doing.new_id()
    if listing_id in market.listings:
        raise ApiError("conflict", "there is such a listing already")
    attributes = {
        "title": args.get("title") or f"Bicycle {doing.rng.randint(100, 999)}",
        "description": args.get("description") or "As good as new.",
        "geolocation": geo(lat=60.1699, lng=24.9384),
        "createdAt": instant(doing.at),
        "price": money(amount=args.get("price", 10_000), currency=args.get("currency", "EUR")),
        "availabilityPlan": None,
        "publicData": args.get("publicData") or {},
        "privateData": args.get("privateData") or {},
        "metadata": args.get("metadata") or {},
        "state": Keyword("published"),
        "deleted": False,
    }
    record = Resource(
        type_name="listing",
        record_id=listing_id,
        created=doing.at,
        attributes=attributes,
        relationships={
            "marketplace": ("marketplace", market.id),
            "author": ("user", author),
            "images": [],
        },
    )
    market.add(doing, kept_in=market.listings, record=record)
    return listing_id
