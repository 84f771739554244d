"""The instance's certificate authority: the server's certificate, and one of an hour for each client's key."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

from local.cloud_sql.accounts import Grant

CLIENT_VALIDITY = timedelta(hours=1)
SERVER_VALIDITY = timedelta(days=365)
# Google's clocks and this machine's are the same here; a certificate is valid from a moment ago all the same.
SKEW = timedelta(minutes=5)


class CertificateAuthority:
    """Made anew at each start; it remembers whom it has given a certificate to."""

    def __init__(self, instance: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"{instance} Server CA")
        self._grants: dict[int, Grant] = {}
        authority = self._certificate(self._name, self._key.public_key(), SERVER_VALIDITY, authority=True)
        self.pem = _pem(authority)
        self._server_key = ec.generate_private_key(ec.SECP256R1())
        self._server = self._certificate(_name(instance), self._server_key.public_key(), SERVER_VALIDITY)

    def issue(self, public_key: str, grant: Grant) -> str:
        """A client certificate with which the holder of the key logs in as the account of the grant."""
        key = serialization.load_pem_public_key(public_key.encode())
        if not isinstance(key, rsa.RSAPublicKey):
            raise TypeError("Cloud SQL's clients have RSA keys.")
        certificate = self._certificate(_name(grant.account), key, CLIENT_VALIDITY)
        self._grants[certificate.serial_number] = grant
        return _pem(certificate)

    def grant(self, serial_number: int) -> Grant:
        """What the client certificate was issued for."""
        return self._grants[serial_number]

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.3 and nothing older, for clients that show a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self.pem)
        key = self._server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with TemporaryDirectory() as folder:  # ssl takes a chain from files only
            chain = Path(folder) / "server.pem"
            chain.write_bytes(key + _pem(self._server).encode())
            context.load_cert_chain(chain)
        return context

    def _certificate(
        self, subject: x509.Name, key: CertificatePublicKeyTypes, validity: timedelta, *, authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(now + validity)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
            .sign(self._key, hashes.SHA256())
        )


def _name(common_name: str) -> x509.Name:
    # A common name has 64 characters at most; the accounts' whole addresses are in the grants.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
