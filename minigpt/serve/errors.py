"""Errors as OpenAI's API tells them: an object with message, type, param and code."""

from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


class ApiError(Exception):
    """A refusal.

    Args:
        status: Of HTTP.
        message: What is wrong, and what to do.
        param: The field of the request.
        code: A word for programs.
    """

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str = ""
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code or None

    def body(self) -> dict[str, Any]:
        """Return the object that clients know."""
        usual = "invalid_request_error" if self.status < 500 else "server_error"
        error = {
            "message": str(self),
            "type": _TYPES.get(self.status, usual),
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}

    def response(self, headers: Mapping[str, str] | None = None) -> JSONResponse:
        """Return the answer."""
        headers = dict(headers or {})
        if self.status == 429:
            headers["Retry-After"] = "1"
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body(), self.status, headers)


def explain(error: RequestValidationError) -> ApiError:
    """Turn the first complaint about a body into one line."""
    problem = error.errors()[0]
    place = [str(part) for part in problem["loc"] if part != "body"]
    param = ".".join(place) or None
    if problem["type"] == "json_invalid":
        return ApiError(400, f"The body is not JSON: {problem['ctx']['error']}.")
    if problem["type"] in ("model_attributes_type", "missing") and not place:
        return ApiError(
            400, "The body must be a JSON object, sent as application/json."
        )
    if problem["type"] == "missing":
        return ApiError(400, f"{param} is missing.", param)
    if problem["type"] == "unsupported":
        return ApiError(
            400, problem["msg"], problem["ctx"]["param"], "unsupported_parameter"
        )
    reason = problem["msg"].removeprefix("Value error, ")
    return ApiError(400, f"{param}: {reason[0].lower()}{reason[1:]}.", param)
