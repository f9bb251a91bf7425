"""The play: seed, let the stories run beside each other while the cluster works, then compare the books."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.core.mail.backends.filebased import EmailBackend
from django.core.management import call_command
from django.db import close_old_connections

from demo import approving, buying, handing_out, people, promises, report, seeding, selling, staff, troubles
from demo.browser import Refused
from demo.hurrying import Hurry
from demo.mailbox import Mailbox
from demo.progress import Progress
from demo.sandboxes import PayPal, Sharetribe, Stripe
from demo.scene import Scene, Story, Until
from payouts import webhook_addresses

_LOOK_EVERY_S = 0.4
_STORIES: tuple[Callable[[Scene], Story], ...] = (
    people.frozen,
    people.connected_to_stripe,
    people.unheard,
    people.opening_items,
    people.verified_by_word,
    people.held,
    people.refunded_before,
    approving.above_the_threshold,
    approving.second_sales,
    buying.from_sign_up_to_paid,
    buying.told_by_the_server,
    selling.verified_by_stripe,
    selling.own_pages,
    troubles.lost_answer,
    troubles.resolved_by_two,
    troubles.bad_receiver,
    troubles.declined_once,
    troubles.came_back,
    people.unclaimed,
    people.refunded_after,
    people.bonus,
    people.stopped,
    troubles.lack_of_funds,
    troubles.returned_in_part,
    troubles.wrong_echo,
)
_RESERVED = {"Hanna", "Rolf", "Petra", "Beat", "Dale", "Dean", "Ingrid"}


@dataclass(slots=True)
class _Running:
    """One story, and where it stands."""

    name: str
    story: Story
    endless: bool = False
    waits_for: Until | None = None
    is_over: bool = False
    error: str = ""

    def go_on(self) -> None:
        """Take it one step further, if what it waits for is there."""
        try:
            self._go_on()
        except StopIteration:
            self.is_over = True
        except (Refused, AssertionError) as error:
            self.is_over, self.error = True, f"{self.name.replace('_', ' ')}: {error}"

    def _go_on(self) -> None:
        if self.waits_for is None:
            self.waits_for = next(self.story)
        if found := self.waits_for.look():
            self.waits_for = self.story.send(found)


@dataclass(slots=True)
class _Play:
    """All stories."""

    scene: Scene
    progress: Progress
    running: list[_Running] = field(default_factory=list)
    hurry: Hurry = field(default_factory=Hurry)

    def run(self, *, until: float) -> list[str]:
        """Let all stories go on until all are over and every promise holds; names what did not."""
        while True:
            self.hurry.tick()
            for one in self.running:
                if not one.is_over:
                    one.go_on()
                    self.progress.tick()
            failed = [one.error for one in self.running if one.error]
            # One that failed ends nothing for the others: books are compared when nothing is under way any more.
            is_over = bool(failed) and not self._waiting() and promises.is_quiet()
            if is_over or time.monotonic() > until:
                return failed + self._missing()
            if not failed and not self._missing() and promises.is_quiet():
                untold = promises.untold(self.scene)
                if not untold:
                    return []
            time.sleep(_LOOK_EVERY_S)
            close_old_connections()

    def _missing(self) -> list[str]:
        return self._waiting() or promises.broken(self.scene)

    def _waiting(self) -> list[str]:
        return [
            f"{one.name.replace('_', ' ')}: waited for {one.waits_for.sentence}"
            for one in self.running
            if not one.is_over and not one.endless and one.waits_for is not None
        ]


def play(*, once: bool, patience_s: float) -> bool:
    """Play it all; gives whether everything ended as promised."""
    progress = Progress()
    scene = _set(progress)
    handing_out.write(scene, ready=False)
    _have_webhooks(scene)
    seeding.seed(scene)
    running = [_Running(story.__name__, story(scene)) for story in _STORIES]
    running.append(_Running("approve", approving.approve(scene), endless=True))
    missing = _Play(scene, progress, running).run(until=progress.started + patience_s)
    for sentence in missing:
        progress.say(f"NOT AS PROMISED: {sentence}")
    agrees = report.show(scene, seconds=time.monotonic() - progress.started)
    handing_out.write(scene, ready=True)
    handing_out.show(scene, once=once)
    return agrees and not missing


def _set(progress: Progress) -> Scene:
    web = settings.PUBLIC_URL
    return Scene(
        web=web,
        flex=Sharetribe(settings.FLEX_BASE_URL),
        paypal=PayPal(os.environ["PAYPAL_BASE_URL"]),
        stripe=Stripe(settings.STRIPE["api_host"], publishable_key=os.environ["STRIPE_PUBLISHABLE_KEY"]),
        mailbox=Mailbox(Path(EmailBackend().file_path)),
        staff=staff.hire(web=web),
        say=progress.say,
        reserved=set(_RESERVED),
    )


def _have_webhooks(scene: Scene) -> None:
    url = webhook_addresses.address("paypal")
    scene.paypal.send_webhooks_to(url)
    scene.say(f"PayPal sends its webhooks to {url}")
    said = StringIO()
    call_command("register_stripe_webhooks", stdout=said)
    for line in said.getvalue().splitlines():
        scene.say(f"Stripe's webhooks: {' '.join(line.split())}")
