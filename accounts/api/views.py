"""The base of every endpoint of the API, and what is found where there is none."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.urls import Resolver404, resolve
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.errors import ApiError
from accounts.api.serializers import Body


class ApiView(APIView):
    """An endpoint: a turn is taken before anything is refused or done, and no answer is kept by anybody on its way."""

    # Browsers' own OPTIONS are answered before they get here; the framework's tells what the document tells better.
    http_method_names = ("get", "post", "put", "patch", "delete", "head")

    rate: ClassVar[str] = "caller"
    """Which of `settings.API_RATES` people take their turns of."""
    finds_by_body: ClassVar[bool] = False
    """Whether the body names something that may not be there, so that the answer may be 404."""

    def perform_authentication(self, request: Request) -> None:
        """This will find out who calls; whoever fails at it takes a turn of their address."""
        try:
            super().perform_authentication(request)
        except APIException:
            super().check_throttles(request)
            raise

    def check_permissions(self, request: Request) -> None:
        """This will take a turn, and only then say whether the request is allowed."""
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """This will do nothing: the turn was taken."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """This will have no cache keep the answer."""
        done = super().finalize_response(request, response, *args, **kwargs)
        done["Cache-Control"] = "no-store"
        return done

    def read(self, body: type[Body]) -> dict[str, Any]:
        """This will read what was sent.

        :raises ParseError: when it is the word null.
        :raises ValidationError: when it is not as it should be.
        """
        sent: Any = self.request.data
        if sent is None:
            raise ParseError("null is none")
        return _read(body, sent)

    def asked(self, query: type[Body]) -> dict[str, Any]:
        """This will read what the address asks for. A parameter without a value is one, and mostly wrong.

        :raises ValidationError: when it is not as it should be.
        """
        return _read(query, self.request.query_params.dict())


def _read(shape: type[Body], sent: Any) -> dict[str, Any]:
    given = shape(data=sent)
    given.is_valid(raise_exception=True)
    found: dict[str, Any] = given.validated_data
    return found


class UnknownView(ApiView):
    """Every address of the API at which there is nothing."""

    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        """This will say so, whoever asks and however; and what there is but for the slash at the end.

        :raises ApiError: always.
        """
        sentence = "There is nothing at this address."
        if beside := _beside(request.path):
            sentence = (
                f"There is nothing at this address, but there is at {beside}: mind the slash at its end."
            )
        raise ApiError("not_found", sentence, status=404)


def _beside(path: str) -> str:
    """Give the address that differs by the slash at its end, where there is something."""
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    try:
        found = resolve(other)
    except Resolver404:
        return ""
    return "" if getattr(found.func, "cls", None) is UnknownView else other
