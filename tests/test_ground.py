"""What the tests stand on holds by itself: the database is put back, and sockets obey their two rules."""

from __future__ import annotations

import socket

import pytest
from django.contrib.auth.models import Group
from django.db import ProgrammingError, connection, transaction

from marketplace_payouts.lib.http import HttpClient
from payouts.models import Heartbeat
from tests import network


@pytest.mark.django_db
def test_tests_work_as_the_role_that_owns_nothing():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, pg_has_role(current_user, 'payouts_owner', 'member')")
        assert cursor.fetchone() == ("payouts_app", False)
        with pytest.raises(ProgrammingError, match="must be owner"):
            cursor.execute("DROP TABLE payouts_heartbeat")


@pytest.mark.parametrize("time", ["once", "again"])
@pytest.mark.django_db(transaction=True)
def test_a_committed_change_is_undone_before_the_next_test(time):
    assert Group.objects.exists()
    assert not Heartbeat.objects.exists()
    Group.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO payouts_heartbeat (name, at, detail) VALUES (%s, now(), '{}')", [time])


@pytest.mark.django_db(transaction=True)
def test_a_socket_may_not_open_in_a_transaction():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with transaction.atomic(), pytest.raises(network.SocketRefused, match="transaction"):
            socket.create_connection(server.getsockname())
        with socket.create_connection(server.getsockname()):
            pass
    network.refused.clear()


@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_may_not_be_used_in_a_transaction(flex_sandbox):
    client = HttpClient(base_url=flex_sandbox.url, allow_loopback_http=True)
    assert client.request("GET", "/").status == 404
    with transaction.atomic(), pytest.raises(network.SocketRefused, match="transaction"):
        client.request("GET", "/")
    network.refused.clear()


@pytest.mark.django_db
def test_the_transaction_around_a_test_does_not_count():
    assert connection.in_atomic_block
    assert not network.in_transaction()
    with transaction.atomic():
        assert network.in_transaction()


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "example.com"])
def test_no_socket_leaves_this_machine(address):
    with pytest.raises(network.SocketRefused, match="stay on this machine"):
        socket.create_connection((address, 443))
    network.refused.clear()


def test_the_sandbox_starts_each_test_with_nothing(flex_sandbox, paypal_sandbox, settings):
    assert flex_sandbox.url == settings.FLEX_BASE_URL
    assert flex_sandbox.credentials["client_id"] == settings.FLEX_CLIENT_ID
    assert paypal_sandbox.ledger() == []
    assert paypal_sandbox.get("/_sandbox/faults") == {"faults": []}
    assert paypal_sandbox.fault("rate_limit", times=1)


def test_the_sandbox_forgot_the_test_before(paypal_sandbox):
    assert paypal_sandbox.get("/_sandbox/faults") == {"faults": []}


def test_a_test_may_start_a_sandbox_of_its_own(start_sandbox):
    mine = start_sandbox("paypal", "--seed", "7")
    assert mine.url.startswith("http://127.0.0.1:")
    assert mine.ledger() == []
