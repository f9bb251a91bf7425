"""The tables of the app; by module as people speak of them."""

from payments.models.intents import Intent
from payments.models.people import Buyer, FirstListing, Seller
from payments.models.received import MANUAL, PaymentIn, RefusedPayment
from payments.models.stripe import StripeDelivery

__all__ = [
    "MANUAL",
    "Buyer",
    "FirstListing",
    "Intent",
    "PaymentIn",
    "RefusedPayment",
    "Seller",
    "StripeDelivery",
]
