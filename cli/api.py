"""The HTTP API as a program's calls. Each has a time-out, and each failure is an `ApiFailure`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from common.errors import AiInfraError, ConfigurationError

type Json = dict[str, Any]

# Seconds to connect, and between two bytes of an answer: a question takes up to half a minute.
TIMEOUT_SECONDS = (5.0, 60.0)
_PAGE_SIZE = 200
_UNUSABLE_URL = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
)
_PASSING = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class ApiFailure(AiInfraError):  # noqa: N818 - what the API answered is no error of this program
    """A call that failed: `code` is the answer's HTTP status, None where no answer came."""

    def __init__(self, code: int | None, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.code = code

    @property
    def passing(self) -> bool:
        """True if the same call may succeed in a while."""
        return self.code is None or self.code in _PASSING


class Api:
    """The API at `url`, as the holder of `key` sees it. Projects are named by name or id; lists come whole.

    Where Cloud Run lets in known accounts only, `identity` is an OIDC token of one.
    """

    def __init__(self, url: str, key: str, *, identity: str = "") -> None:
        """Raises `ConfigurationError` for what can be no address or no key."""
        if not (key.isascii() and key.isprintable()):
            raise ConfigurationError("The API key holds characters that no key has.")
        self._url = url.rstrip("/")
        self._key = key
        self._identity = identity
        self._remote = not _is_loopback(url)

    def project(self, project: str) -> Json:
        """The project, with its `bucket` and the `object_prefix` under which files belong to it."""
        return self._get(f"projects/{_part(project)}")

    def projects(self) -> list[Json]:
        """The projects that the key may see."""
        return list(self._listed("projects", "projects"))

    def documents(self, project: str, status: str | None = None, metadata: str | None = None) -> list[Json]:
        """The project's documents, newest first, or only those of this status, or that a filter of metadata finds."""
        path = f"projects/{_part(project)}/documents"
        return list(self._listed(path, "documents", status=status, filter=metadata))

    def document(self, document: str) -> Json:
        """The document."""
        return self._get(f"documents/{_part(document)}")

    def create_document(self, project: str, title: str, text: str) -> Json:
        """Make a document of a text; returns it, yet to be processed."""
        return self._call("POST", f"projects/{_part(project)}/documents", body={"title": title, "text": text})

    def add_url(
        self, project: str, url: str, title: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Json:
        """Have a web address fetched; returns the fetch, yet to be done."""
        body = {"url": url, "metadata": metadata or {}} | ({} if title is None else {"title": title})
        return self._call("POST", f"projects/{_part(project)}/documents", body=body)

    def fetch(self, fetch: str) -> Json:
        """A fetch of a web address."""
        return self._get(f"fetches/{_part(fetch)}")

    def fetches(self, project: str) -> list[Json]:
        """The fetches of web addresses for the project, newest first."""
        return list(self._listed(f"projects/{_part(project)}/fetches", "fetches"))

    def open_upload(
        self, project: str, name: str, size: int, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> Json:
        """The `upload_url` that so many bytes may be sent to, to become the object of this name in the project."""
        body = {"name": name, "size": size, "content_type": content_type, "metadata": metadata or {}}
        return self._call("POST", f"projects/{_part(project)}/documents:upload", body=body)

    def delete(self, document: str) -> Json:
        """Delete the document: it answers nothing from now on. Its receipt, `deletion`, is pending."""
        return self._call("DELETE", f"documents/{_part(document)}")

    def deletion(self, deletion: str) -> Json:
        """A deletion's receipt."""
        return self._get(f"deletions/{_part(deletion)}")

    def deletions(self, project: str) -> list[Json]:
        """The receipts of the project's deletions, newest first."""
        return list(self._listed(f"projects/{_part(project)}/deletions", "deletions"))

    def reprocess(self, document: str) -> Json:
        """Process the document again; returns the new job."""
        return self._call("POST", f"documents/{_part(document)}:reprocess")

    def text(self, document: str) -> Json:
        """The document's extracted `text`, which citations point into, and its `page_starts`."""
        return self._get(f"documents/{_part(document)}/text")

    def chunks(self, document: str) -> list[Json]:
        """The document's live chunks, in order, with their texts."""
        return list(self._listed(f"documents/{_part(document)}/chunks", "chunks"))

    def job(self, job: str) -> Json:
        """The ingestion job."""
        return self._get(f"jobs/{_part(job)}")

    def jobs(self, document: str) -> list[Json]:
        """The document's jobs, newest first."""
        return list(self._listed(f"documents/{_part(document)}/jobs", "jobs"))

    def ask(self, project: str, question: str, **options: Any) -> Json:
        """The answer, with its citations or its `refusal_reason`; `options` are fields of the request."""
        return self._call("POST", f"projects/{_part(project)}:query", body={"question": question, **options})

    def _get(self, path: str, **parameters: str | int | None) -> Json:
        return self._call("GET", path, parameters=parameters)

    def _listed(self, path: str, name: str, **parameters: str | None) -> Iterator[Json]:
        token = ""
        while True:
            page = self._get(path, page_size=_PAGE_SIZE, page_token=token, **parameters)
            yield from page[name]
            token = page["next_page_token"]
            if not token:
                return

    def _call(
        self, method: str, path: str, *, body: Json | None = None, parameters: dict[str, str | int | None] | None = None
    ) -> Json:
        response = self._send(method, f"{self._url}/v1/{path}", json=body, params=parameters)
        try:
            content = response.json()
        except requests.exceptions.JSONDecodeError:
            content = None
        if response.status_code // 100 == 2 and isinstance(content, dict):
            return content
        raise _failure(response, content)

    def _send(self, method: str, url: str, **request: Any) -> requests.Response:
        """One request over a connection of its own: one that was kept may have been closed when it is next needed."""
        with requests.Session() as session:
            # No proxy of the environment leads to this machine.
            session.trust_env = self._remote
            try:
                return session.request(
                    method, url, auth=self._authorize, timeout=TIMEOUT_SECONDS, allow_redirects=False, **request
                )
            except _UNUSABLE_URL as error:
                raise ConfigurationError(f"{self._url!r} is not the address of an API: {error}") from None
            except requests.Timeout:
                raise ApiFailure(None, "TIMED_OUT", f"{self._url} did not answer in time.") from None
            except requests.RequestException as error:
                raise ApiFailure(None, "UNREACHABLE", f"{self._url} cannot be reached: {_cause(error)}") from None

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Given as `auth`, so that no entry of a netrc file takes the header's place."""
        request.headers["Authorization"] = f"Bearer {self._key}"
        if self._identity:
            request.headers["X-Serverless-Authorization"] = f"Bearer {self._identity}"
        return request


def _part(name: str) -> str:
    """The name as one part of an address; what would lead to another address names nothing."""
    if name in {"", ".", ".."} or "/" in name:
        raise AiInfraError("NOT_FOUND", f"{name!r} is neither a name nor an id.")
    return quote(name, safe="")


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _cause(error: requests.RequestException) -> object:
    """What lies under urllib3's wrapping, where something does."""
    wrapped = next(iter(error.args), error)
    return getattr(wrapped, "reason", wrapped)


def _failure(response: requests.Response, content: Any) -> ApiFailure:
    """What the answer says in the shape of AIP-193; another shape comes from something before the API."""
    code = response.status_code
    try:
        error = content["error"]
        return ApiFailure(code, str(error["details"][0]["reason"]), str(error["message"]))
    except (TypeError, LookupError):
        said = f"{code} {response.reason}".strip()
        return ApiFailure(code, "NOT_THIS_API", f"The answer was {said}, but not this API's: check its address.")
