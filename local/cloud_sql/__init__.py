"""A stand-in for one Cloud SQL instance: the real connector logs in to a Postgres of this machine through it.

It has what the connector calls: Google's token endpoint, the two methods of the Admin API, and the instance's own proxy
on port 3307 of a loopback address, which takes TLS 1.3 with client certificates only. Whoever logs in needs a service
account's key, a token of the login scope for it, and the database user of that account. `GET /counts` tells who did.

What differs from the service: there is HTTP where Google has HTTPS, every service account has the same key, and
Postgres itself trusts whoever reaches it (see `local.postgres`).
"""
