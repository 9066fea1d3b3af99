"""What went wrong at Kaggle, in one line that a user can act on and that holds no key."""

import re
from collections.abc import Iterable
from typing import Any

from ecgpipe.base.errors import KaggleError
from ecgpipe.params import KaggleOptions

CREDENTIALS = "put a token of kaggle.com/settings/api into ~/.kaggle/access_token or KAGGLE_API_TOKEN"
SHOWN_CHARACTERS = 200  # of what Kaggle says itself


class Interrupted(KaggleError):
    """A transfer that broke off; what has come is kept and another attempt may go on from there."""


def no_credentials() -> KaggleError:
    return KaggleError(
        "found no valid Kaggle credentials, expected a token, KAGGLE_USERNAME and KAGGLE_KEY, or kaggle.json; "
        + CREDENTIALS
    )


def as_kaggle_error(error: Exception, doing: str, options: KaggleOptions, secrets: Iterable[str]) -> KaggleError:
    """`error` of the client as a KaggleError that carries the HTTP status, if there was one."""
    response = getattr(error, "response", None)
    if response is None:
        return _no_answer(error, doing, options)
    status = response.status_code if response.status_code >= 400 else _field(response, "code")
    said = scrub(str(_field(response, "message") or ""), secrets)
    competition = options.competition
    page = f"https://www.kaggle.com/competitions/{competition}"
    advice = {
        401: f"expected a key that Kaggle accepts; {CREDENTIALS}",
        403: f"expected a member of the competition; accept its rules at {page}/rules with the account of the key",
        404: f"expected that it exists; check data.kaggle.competition ({competition!r})",
        429: f"too many requests, {options.attempts} attempts made; wait some minutes and run again",
    }.get(status)
    if advice is None and isinstance(status, int) and status >= 500:
        advice = f"Kaggle's server failed, {options.attempts} attempts made; run again later, finished files are kept"
    words = f"; Kaggle says: {said}" if said else ""
    return KaggleError(f"{doing}: found HTTP status {status}, {advice or 'expected 200'}{words}", status=status)


def _no_answer(error: Exception, doing: str, options: KaggleOptions) -> KaggleError:
    from requests import ConnectionError, Timeout

    if isinstance(error, ConnectionError | Timeout):
        reason = f"no whole answer from Kaggle in {options.attempts} attempts ({type(error).__name__})"
        return KaggleError(f"{doing}: found {reason}, expected one within {options.timeout_s:g} s; check the network")
    if isinstance(error, ValueError):  # of the JSON parser
        return KaggleError(f"{doing}: found an answer that is no JSON, expected Kaggle's; a proxy may stand between")
    return KaggleError(f"{doing}: Kaggle's client failed with {type(error).__name__}; is it the pinned version?")


def scrub(text: str, secrets: Iterable[str]) -> str:
    """`text` in one line, without `secrets` and without the queries of addresses, which may be signed."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return " ".join(re.sub(r"\?\S+", "?***", text).split())[:SHOWN_CHARACTERS]


def _field(response: Any, name: str) -> Any:
    try:
        return response.json().get(name)
    except (ValueError, AttributeError, RuntimeError):  # no JSON, no object, a body read already
        return None
