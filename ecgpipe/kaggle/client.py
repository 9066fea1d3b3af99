"""Kaggle's client, signed in and silent, with the time limits and retries that it lacks.

`kaggle` and `requests` are imported inside functions only: the first signs in and may print while it is imported.
"""

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any

from ecgpipe.base.errors import KaggleError
from ecgpipe.kaggle.errors import as_kaggle_error, no_credentials
from ecgpipe.params import KaggleOptions

RETRY_AFTER_MAX_S = 600
RETRIED = (429, 500, 502, 503, 504)
NO_RETRY = ("CreateSubmission", "StartSubmissionUpload")  # sent twice, they would count twice against the daily limit


def sign_in(options: KaggleOptions) -> Any:
    """The client, signed in; KaggleError without credentials or without the package."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its lines on retries show signed addresses
    api = None
    try:
        with silence():
            api = _api_class(options)()
            api.authenticate()
    except ImportError:
        raise KaggleError("Kaggle's client is not installed; `pip install -c constraints.txt -e '.[kaggle]'`") from None
    except SystemExit:
        raise no_credentials() from None
    except Exception as error:
        raise as_kaggle_error(error, "signing in", options, secrets(api)) from None
    return api


def _api_class(options: KaggleOptions) -> type:
    from kaggle.api.kaggle_api_extended import KaggleApi

    class Api(KaggleApi):
        """The client whose every session waits and retries as `options` say."""

        def build_kaggle_client(self) -> Any:
            client = super().build_kaggle_client()
            client.http_client()._init_session()
            _mount(client.http_client()._session, client.http_client()._endpoint, options)
            return client

        def get_response_processor(self) -> None:
            """None: it would print that a newer client is out."""

    return Api


def _mount(session: Any, endpoint: str, options: KaggleOptions) -> None:
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    class Adapter(HTTPAdapter):
        def send(self, request: Any, *args: Any, timeout: Any = None, **kwargs: Any) -> Any:
            return super().send(request, *args, timeout=timeout or options.timeout_s, **kwargs)  # type: ignore[misc]

    retry = Retry(
        total=options.attempts - 1,
        allowed_methods=None,  # the client asks by POST only
        status_forcelist=RETRIED,
        raise_on_status=False,
        backoff_factor=options.backoff_s,
        backoff_jitter=options.backoff_s,
        retry_after_max=RETRY_AFTER_MAX_S,
    )
    session.headers["Accept-Encoding"] = "identity"  # sizes and offsets are those of the file
    session.mount("https://", Adapter(max_retries=retry))
    session.mount("http://", Adapter(max_retries=retry))
    for method in NO_RETRY:
        session.mount(f"{endpoint}/v1/competitions.CompetitionApiService/{method}", Adapter(max_retries=False))


def secrets(api: Any) -> tuple[str, ...]:
    """The parts of the credentials in use that must not be shown."""
    values = getattr(api, "config_values", {})
    return tuple(str(values[name]) for name in ("key", "token", "api_token") if values.get(name))


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Hide what is printed inside the block, by any thread; for use in the main thread."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
