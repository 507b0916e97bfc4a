"""Who may read: tokens, keys and projects.  Without credentials on the command line nobody may."""

import random

from .answers import Refused
from .signature import failure, parse_authorization, verify

FAILURES_ALLOWED = 5        # consecutive ones; the next locks the key
LOCK_SECONDS = 300
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"


class Key:
    """An access key with its secret, and how often it failed of late."""

    def __init__(self, secret, security_token=None):
        self.secret = secret
        self.security_token = security_token
        self.unlock()

    def unlock(self):
        self.failures = 0
        self.locked_until = 0

    def note_failure(self, now):
        self.failures += 1
        if self.failures > FAILURES_ALLOWED:
            self.locked_until = now + LOCK_SECONDS
            self.failures = 0


class Gate:
    def __init__(self, tokens, keys, projects):
        """tokens are those given for good, keys access key -> Key, projects id -> name."""
        self.given = {token: (None, None) for token in tokens}
        self.keys = keys
        self.projects = projects
        self.tokens = dict(self.given)      # token -> (expiry or None, project id or None for any)
        self.rng = random.Random()

    # Tokens

    def issue(self, length, expires, project):
        """A new token for a project."""
        token = "MII" + "".join(self.rng.choices(BASE64, k=length - 3))
        self.tokens[token] = (expires, project)
        return token

    def set_expiry(self, token, expires):
        """Makes a token valid until then (None: for ever) on any project."""
        self.tokens[token] = (expires, None)

    def revoke_issued(self):
        """Forgets all tokens but those given on the command line."""
        self.tokens = dict(self.given)

    def unlock(self):
        for key in self.keys.values():
            key.unlock()

    # Requests

    def admit(self, request, project, now):
        """Refused unless the request may read the lists of that project."""
        self.identify(request, project, now)
        if project not in self.projects:
            raise Refused("APIGW.0310", status=403)

    def identify(self, request, project, now):
        """Refused unless the request is of somebody known, for that project (None: for none)."""
        token = request.headers.get("x-auth-token")
        authorization = request.headers.get("authorization")
        if token is not None and authorization is not None:
            raise failure("both x-auth-token and authorization found")
        if authorization is not None:
            self._admit_signed(request, authorization, project, now)
        elif token is not None:
            self._admit_token(token, project, now)
        else:
            raise failure("x-auth-token not found")

    def _admit_token(self, token, project, now):
        if token not in self.tokens:
            raise failure("decrypt token fail")
        expires, owner = self.tokens[token]
        if expires is not None and now >= expires:
            raise Refused("APIGW.0307", status=401)
        if project is not None and owner is not None and owner != project:
            raise Refused("APIGW.0310", status=403)

    def _admit_signed(self, request, authorization, project, now):
        access, signed, signature = parse_authorization(authorization)
        key = self.keys.get(access)
        if key is None:
            raise failure(f"Get secretKey failed,ak:{access},err:ak not exist")
        if now < key.locked_until:
            raise failure("AK access failed to reach the limit,forbidden")
        try:
            if request.headers.get("x-security-token") != key.security_token:
                raise failure("x-security-token does not belong to the access key")
            verify(request, key.secret, signed, signature, now)
        except Refused:
            key.note_failure(now)
            raise
        key.failures = 0
        if request.headers.get("x-project-id", project) != project:
            raise Refused("APIGW.0310", status=403)
