"""The ground every sandbox service stands on.

A service is a package `sandbox/<name>/` whose `__init__` says `SERVICE = TheClass`, a subclass of `Service`:

    class Bank(Service):
        name, port = "bank", 8809
        kinds = {"lazy": "Transfers take a day longer."}        # fault kinds of its own
        unsupported = frozenset({"webhook_lose", ...})           # common kinds that mean nothing here

        def __init__(self, world: World) -> None: ...            # called once, no loop running yet
        def credentials(self): return {"api_key": self.world.credential("api_key")}
        def routes(self): return [Route("POST", "/transfers", self.create),
                                  Route("GET", "/transfers/{id}", self.show)]
        def steering(self): return [Route("POST", "/_sandbox/users", self.add_user)]
        def reset(self): ...                                     # everything but the credentials is forgotten

        def create(self, request: Request) -> Response:          # plain function, one thread, no locks
            wanted = request.json()                              # BadRequest → self.error(request, status=400, …)
            ...
            self.world.journal.write("transfer", {...})          # a fact; on file before the answer leaves
            self.world.ledger.record(reference=…, key=…, destination=…, currency="EUR", units=100, kind="debit")
            self.world.clock.call_later(0.2, lambda: self.settle(id))
            return Response.of({"id": id}, status=201, headers={"X-Request-Id": "…"})

- **Requests**: `method`, `path` (unquoted), `target` (raw), `query` (dict of lists), `arg(name)` (the last value),
  `headers` (lower-case names), `body` (bytes), `json()`, `form()`, `params` (the route's placeholders).
- **Responses**: `Response.of(json_value, status=, headers=)` or `Response(status, bytes, content_type=, headers=)`;
  gzip, keep-alive, Content-Length and Date are the core's business.
- **Faults** on requests (`drop_*`, `error_*`, `delay`, `hang`, `rate_limit`, `html_body`, `truncated_body`,
  `wrong_echo`) are done by the core around the handler. Override `error()` and `rate_limited()` for the vendor's
  error form, `falsify()` for `wrong_echo`, `aliases()` where a request is about a reference that neither its path
  nor its body spells out. Faults of the service's own, and `return`, `insufficient_funds`, `refuse`: ask
  `self.world.faults.take(kind, references={…}, request=…)` where it matters; a `Fault` (with `.after(seconds)`,
  `.value`, `.status`) means "do it", and the hit is counted. `GET /_sandbox/lies` lists what was told that is not so:
  falsified answers, and forged webhooks with what they were answered with.
- **Time**: `world.clock.now()`, `.time()`, `.call_at(moment, work)`, `.call_later(seconds, work)`; steering moves it
  forward, and due work is done in order. Never call `time.time()`.
- **Truth**: `world.ledger` is the money that moved; `world.journal.write(kind, fact)` keeps a fact in the state file,
  given back to `restore(kind, fact)` in order at the next start (kinds `ledger`, `clock`, `secret` are the core's);
  `start()` then begins background work again.
- **Webhooks**: `world.courier.send(Parcel(url=…, subject=event_type, references={…}, write=…, done=…, retries=…))`.
  For `webhook_early` make the event while handling the request, with `arrived` a future that also stands in
  `response.wait_for`.
- **Randomness**: `world.rng` (repeatable with --seed), `world.token(bytes)`, `world.credential(name)`.
- `set_fate()` and `set_funds()` serve POST /_sandbox/fate and /_sandbox/funds. Helpers for own steering:
  `sandbox.core.steering.fields_of` and `whole`.

In tests: `from sandbox.core.local import running` gives a running service in a process of its own.
"""

from sandbox.core.faults import Fault
from sandbox.core.http import BadRequest, Request, Response
from sandbox.core.routing import Route
from sandbox.core.service import Service, World
from sandbox.core.webhooks import Parcel

__all__ = ["BadRequest", "Fault", "Parcel", "Request", "Response", "Route", "Service", "World"]
