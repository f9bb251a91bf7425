"""The proofs can fail: each ends well with the product as it is, and badly once its safeguard is taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.chaos.miniature import Ground, Installation, ground
from tests.chaos.mutants import MUTANTS, Mutant

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def grounds(django_db_blocker: DjangoDbBlocker) -> Iterator[Callable[..., Ground]]:
    """Gives the ground on which a story can happen; neighbours in the list share one."""
    with django_db_blocker.unblock(), ExitStack() as stack:
        kept: dict[tuple[str, ...], Ground] = {}

        def have(*also: str) -> Ground:
            if also not in kept:
                kept.clear()
                stack.pop_all().close()
                kept[also] = stack.enter_context(ground(*also))
            return kept[also]

        yield have
        stack.close()


_BY_GROUND: list[Mutant] = sorted(MUTANTS, key=lambda one: one.also)


@pytest.mark.parametrize("mutant", _BY_GROUND, ids=str)
def test_it_is_caught(mutant: Mutant, grounds: Callable[..., Ground]) -> None:
    here = grounds(*mutant.also)
    _tell(mutant, here.restart())
    with mutant.apply(here), pytest.raises(AssertionError):
        _tell(mutant, here.restart())


def _tell(mutant: Mutant, world: Installation) -> None:
    try:
        mutant.proof(world)
    finally:
        world.leave()
