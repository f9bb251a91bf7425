"""The demo: a marketplace on the sandbox whose sellers are paid, and a proof that all books agree.

It plays everybody outside the product: buyers and sellers on Sharetribe, the world behind PayPal, and the staff, who
act through the admin's own pages. The stages themselves are run by the cluster alone.
"""
