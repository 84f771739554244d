"""Google's token endpoint and the two methods of the Cloud SQL Admin API that the connector calls, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from typing import Any

from aiohttp import web

from local.cloud_sql.accounts import TOKEN_SECONDS, ServiceAccounts
from local.cloud_sql.certificates import CertificateAuthority
from local.cloud_sql.counts import Counts

ADMIN_SCOPE = "https://www.googleapis.com/auth/sqlservice.admin"
LOGIN_SCOPE = "https://www.googleapis.com/auth/sqlservice.login"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_INSTANCE = "/sql/v1beta4/projects/{project}/instances/{instance}"


@dataclass(frozen=True)
class Instance:
    """The one instance that there is, and where its proxy listens."""

    project: str
    region: str
    name: str
    address: str

    @classmethod
    def named(cls, connection_name: str, address: str) -> Instance:
        """PROJECT:REGION:INSTANCE."""
        project, region, name = connection_name.rsplit(":", 2)
        return cls(project, region, name, address)


class AdminApi:
    """Answers as Google does, errors included."""

    def __init__(
        self, instance: Instance, accounts: ServiceAccounts, authority: CertificateAuthority, counts: Counts
    ) -> None:
        self._instance = instance
        self._accounts = accounts
        self._authority = authority
        self._counts = counts

    def application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.post("/token", self._token),
                web.get(_INSTANCE + "/connectSettings", self._connect_settings),
                web.post(_INSTANCE + ":generateEphemeralCert", self._generate_certificate),
                web.get("/counts", self._report),
            ]
        )
        return application

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        try:
            token = self._accounts.exchange(str(form["assertion"]))
        except ValueError as error:
            return web.json_response({"error": "invalid_grant", "error_description": str(error)}, status=400)
        self._counts.tokens += 1
        return web.json_response({"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"})

    async def _connect_settings(self, request: web.Request) -> web.Response:
        self._admit(request)
        self._counts.connect_settings += 1
        return web.json_response(
            {
                "kind": "sql#connectSettings",
                "serverCaCert": {"kind": "sql#sslCert", "cert": self._authority.pem},
                "ipAddresses": [{"type": "PRIVATE", "ipAddress": self._instance.address}],
                "region": self._instance.region,
                "databaseVersion": "POSTGRES_18",
                "backendType": "SECOND_GEN",
            }
        )

    async def _generate_certificate(self, request: web.Request) -> web.Response:
        account = self._admit(request)
        body = await request.json()
        grant = self._accounts.grant(body.get("access_token", ""), LOGIN_SCOPE)
        if grant is None or grant.account != account:
            raise _error(web.HTTPBadRequest, "Invalid request: access_token is none of this account for logins alone.")
        self._counts.certificates += 1
        certificate = self._authority.issue(body["public_key"], grant)
        return web.json_response({"ephemeralCert": {"kind": "sql#sslCert", "cert": certificate}})

    async def _report(self, _: web.Request) -> web.Response:
        return web.json_response(self._counts.report())

    def _admit(self, request: web.Request) -> str:
        """The account that calls, if it may connect to the instance that it names."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        grant = self._accounts.grant(token, ADMIN_SCOPE)
        if grant is None:
            raise _error(web.HTTPUnauthorized, "Request had invalid authentication credentials.")
        project, name = request.match_info["project"], request.match_info["instance"]
        if project != self._instance.project or grant.account not in self._accounts.clients:
            raise _error(
                web.HTTPForbidden,
                "boss::NOT_AUTHORIZED: Not authorized to access resource. Possibly missing permission "
                f"cloudsql.instances.connect on resource instances/{name}.",
            )
        if name != self._instance.name:
            raise _error(web.HTTPNotFound, "The Cloud SQL instance does not exist.")
        return grant.account


def _error(kind: type[web.HTTPError], message: str) -> web.HTTPError:
    body: dict[str, Any] = {"error": {"code": kind.status_code, "message": message}}
    return kind(text=dumps(body), content_type="application/json")
