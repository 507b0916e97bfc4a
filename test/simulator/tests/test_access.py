"""Tokens, the token service, and signatures."""

import hashlib
import hmac
import json
import time
import unittest

from simulator import signature
from simulator.tests.support import PHONES, PROJECT, TOKEN, Case


USER = {"auth": {
    "identity": {"methods": ["password"], "password": {"user": {
        "name": "reader", "password": "secret", "domain": {"name": "company"}}}},
    "scope": {"project": {"name": "cn-north-4"}}}}


class Tokens(Case):
    arguments = ("--phones", "3", "--servers", "1", "--token", "T", "--user", "company/reader/secret",
                 "--project", PROJECT + "=cn-north-4", "--project", "other=cn-east-3")

    def ask(self, body=USER, query="?nocatalog=1", content_type="application/json;charset=utf8"):
        return self.service.send("POST", "/v3/auth/tokens" + query, {"Content-Type": content_type},
                                 json.dumps(body))

    def status_with(self, headers, target=PHONES):
        answer = self.service.send("GET", target, headers)
        return answer.status, json.loads(answer.body).get("error_code")

    def test_without_a_good_token(self):
        self.assertEqual(self.status_with({}), (401, "APIGW.0301"))
        self.assertEqual(self.status_with({"X-Auth-Token": "U"}), (401, "APIGW.0301"))
        self.assertEqual(self.status_with(TOKEN, PHONES.replace(PROJECT, "unknown")), (403, "APIGW.0310"))
        self.assertEqual(self.status_with(TOKEN, PHONES.replace(PROJECT, "other")), (200, None))

    def test_a_token_is_given_and_expires(self):
        self.service.set(token_length=20_000, token_lifetime=100)
        answer = self.ask()
        token = answer.headers["X-Subject-Token"]
        body = json.loads(answer.body)["token"]
        self.assertEqual((answer.status, len(token)), (201, 20_000))
        self.assertEqual((body["project"]["id"], body["project"]["name"]), (PROJECT, "cn-north-4"))
        self.assertRegex(body["expires_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertNotIn("catalog", body)
        self.assertIn("catalog", json.loads(self.ask(query="").body)["token"])
        self.assertEqual(self.status_with({"X-Auth-Token": token}), (200, None))
        other = PHONES.replace(PROJECT, "other")
        self.assertEqual(self.status_with({"X-Auth-Token": token}, other), (403, "APIGW.0310"))
        self.service.set(clock_shift=101)
        self.assertEqual(self.status_with({"X-Auth-Token": token}), (401, "APIGW.0307"))

    def test_scopes(self):
        for scope, status in (({"id": "other"}, 201), ({"name": "cn-east-3"}, 201), ({"id": "none"}, 404),
                              ({"id": "other", "name": "cn-east-3"}, 400), ({}, 400)):
            body = json.loads(json.dumps(USER))
            body["auth"]["scope"]["project"] = scope
            self.assertEqual(self.ask(body).status, status, scope)

    def test_refusals(self):
        body = json.loads(json.dumps(USER))
        body["auth"]["identity"]["password"]["user"]["password"] = "wrong"
        answer = self.ask(body)
        self.assertEqual((answer.status, json.loads(answer.body)["error"]["code"]), (401, 401))
        body["auth"]["more"] = 1
        self.assertEqual(self.ask(body).status, 400)
        for arguments in ({"body": {}}, {"body": []}, {"query": "?nocatalog="}, {"query": "?x=1"},
                          {"content_type": "text/plain"}):
            self.assertEqual(self.ask(**arguments).status, 400, arguments)
        self.assertEqual(self.service.send("GET", "/v3/auth/tokens").status, 404)

    def test_control_of_tokens(self):
        self.service.control("POST", "tokens", U=None, V=0)
        self.assertEqual(self.status_with({"X-Auth-Token": "U"}), (200, None))
        self.assertEqual(self.status_with({"X-Auth-Token": "V"}), (401, "APIGW.0307"))
        self.service.control("DELETE", "tokens")
        self.assertEqual(self.status_with({"X-Auth-Token": "U"}), (401, "APIGW.0301"))
        self.assertEqual(self.status_with(TOKEN), (200, None))

    def test_the_token_service_fails_too(self):
        self.service.fault("status", status=503, match="auth/tokens", times=1)
        self.assertEqual([self.ask().status, self.ask().status], [503, 201])


class SignatureVectors(unittest.TestCase):
    """The published examples of the algorithm."""

    def check(self, expected, method, path, query, headers, body=b"", secret="SecretKey"):
        canonical = signature.canonical_request(method, path, query, headers, sorted(headers), body)
        self.assertEqual(signature.sign(secret, headers["x-sdk-date"], canonical), expected)

    def test_sdk_examples(self):
        host = {"host": "service.region.example.com", "x-sdk-date": "20191115T033655Z"}
        path = "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/"
        self.check("fd95e7da6f695cfb4cabbb9d6b0968aec155bc576b064835282473539ae9ea1d", "GET", path + "vpcs",
                   "limit=2&marker=13551d6b-755d-4757-b956-536f674975c0", host)
        self.check("b5649aa774f6cac7437631662f08815fc65c70e40e486df6db2436ce68902771", "POST",
                   path + "vpc/123", "", host, b'{"key":"value"}')
        self.check("919ad8b75d4ad49da0d377e63ee21c4a7a54b752f6bf2878b4adbe9c19927da6", "GET", "", "",
                   {**host, "host": "example.com"})
        self.check("5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624", "GET", "/path",
                   "limit=1", {"x-sdk-date": "20060102T150405Z"})

    def test_query_is_sorted_and_encoded(self):
        self.assertEqual(
            signature.canonical_query("multi=3&multi=1&test=%e4%b8%80%20(%26&limit=1&multi=2&path=/a*&flag"),
            "flag=&limit=1&multi=1&multi=2&multi=3&path=%2Fa%2A&test=%E4%B8%80%20%28%26")

    def test_list_examples(self):
        headers = {"host": "cph.cn-north-4.myhuaweicloud.com", "x-project-id": PROJECT,
                   "x-sdk-date": "20250101T000000Z"}
        query = "offset=0&limit=200&phone_name=a%20b_%E4%B8%AD%2B%25&status=-7"
        self.check("c18f7f7608cf085d8f1b567fb56640c8a8a1cc58f8a1cc148f51172436bb9655", "GET", PHONES, query,
                   headers)
        self.check("51f29cc432dcb5efcd6f3c0fcbddaacbd67d9b2c3799e1b4b46db2c3e1988cb8", "GET", PHONES, query,
                   {**headers, "x-security-token": "TempToken"})


class Keys(Case):
    arguments = ("--phones", "3", "--servers", "1", "--key", "AK/SK", "--key", "AK2/SK2/session")

    def signed(self, secret="SK", access="AK", shift=0, query="limit=2&offset=0", spoil=None, path=PHONES, **more):
        """The answer to a request signed here, in few lines of its own."""
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + shift))
        headers = {"host": f"127.0.0.1:{self.service.port}", "x-sdk-date": date, **more}
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        body_hash = hashlib.sha256(b"").hexdigest()
        canonical = f"GET\n{path}/\n{query}\n{lines}\n{names}\n{body_hash}"
        text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        sign = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        headers["Authorization"] = f"SDK-HMAC-SHA256 Access={access}, SignedHeaders={names}, Signature={sign}"
        answer = self.service.send("GET", f"{path}?{spoil or query}", headers)
        body = json.loads(answer.body)
        if path != PHONES and answer.status == 200:
            return [project["id"] for project in body["projects"]]
        return answer.status, body.get("error_code"), body.get("error_msg", "")

    def test_good_and_bad_signatures(self):
        self.assertEqual(self.signed()[0], 200)
        self.assertEqual(self.signed(**{"x-project-id": PROJECT})[0], 200)
        self.assertEqual(self.signed(**{"x-project-id": "other"})[:2], (403, "APIGW.0310"))
        status, code, message = self.signed(secret="wrong")
        self.assertEqual((status, code), (401, "APIGW.0301"))
        self.assertIn("verify aksk signature fail", message)
        self.assertEqual(self.signed(spoil="limit=3&offset=0")[0], 401)
        self.assertIn("ak not exist", self.signed(access="AK9")[2])

    def test_projects(self):
        def look_up(query, **more):
            return self.signed(path="/v3/projects", query=query, **more)
        self.assertEqual(look_up("name=cn-north-4"), [PROJECT])
        self.assertEqual(look_up("name=none"), [])
        self.assertEqual(look_up("x=1")[0], 400)
        self.assertEqual(look_up("name=cn-north-4", secret="wrong")[:2], (401, "APIGW.0301"))
        self.assertEqual(self.service.send("GET", "/v3/projects?name=cn-north-4").status, 401)

    def test_clock(self):
        self.assertEqual(self.signed(shift=-890)[0], 200)
        self.assertEqual(self.signed(shift=-910)[:2], (401, "APIGW.0303"))
        self.service.set(clock_shift=3600)
        self.assertEqual(self.signed()[:2], (401, "APIGW.0303"))
        self.assertEqual(self.signed(shift=3600)[0], 200)

    def test_session(self):
        session = {"x-security-token": "session"}
        self.assertEqual(self.signed("SK2", "AK2", **session)[0], 200)
        self.assertEqual(self.signed("SK2", "AK2")[0], 401)
        self.assertEqual(self.signed(**session)[0], 401)

    def test_lock(self):
        for _ in range(5):
            self.assertIn("signature fail", self.signed(secret="wrong")[2])
        self.assertEqual(self.signed()[0], 200)
        for _ in range(6):
            self.assertIn("signature fail", self.signed(secret="wrong")[2])
        self.assertIn("AK access failed to reach the limit,forbidden", self.signed()[2])
        self.service.set(clock_shift=301)
        self.assertEqual(self.signed(shift=301)[0], 200)
        for _ in range(6):
            self.signed(secret="wrong", shift=301)
        self.service.control("POST", "unlock")
        self.assertEqual(self.signed(shift=301)[0], 200)

    def test_malformed_authorization(self):
        for value in ("Bearer x", "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=" + "0" * 64,
                      "SDK-HMAC-SHA256, Access=AK, SignedHeaders=host;x-sdk-date, Signature=" + "0" * 64):
            self.assertEqual(self.service.send("GET", PHONES, {"Authorization": value}).status, 401)
