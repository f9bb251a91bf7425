"""Sharetribe (Flex) on loopback: one marketplace behind the Integration and Authentication APIs.

`values`, `transit`, `wire`   what goes over the wire, as JSON or transit
`edn`, `processes`, `default_processes`, `engine`, `lines`   transaction processes and what a transition does
`records`, `events`, `market`   who and what is there, and every event of it
`people`, `trading`, `bulk`, `commands`   all changes, repeatable from the state file
`auth`, `limits`, `params`, `showing`, `criteria`, `lists`, `feed`, `api`   the API
`doors`, `settings`   steering
`service`   all of it together

Where Sharetribe's behaviour is not known for sure, the docstring or a comment at the place says what was chosen.
"""

from sandbox.flex.service import Flex

SERVICE = Flex
