"""The token service: POST /v3/auth/tokens with a password, scoped to a project; and
GET /v3/projects?name=NAME, which looks a project up."""

import json
import re
import time

from .answers import iam_error, json_answer
from .data import make_id
from .resources import split_query

PATH = "/v3/auth/tokens"
PROJECTS_PATH = "/v3/projects"
CONTENT_TYPE = re.compile(r"application/json\s*(;\s*charset=utf-?8\s*)?", re.IGNORECASE)


class Invalid(Exception):
    """The request is not what the documents ask for."""


def fields(value, where, *names):
    """The members of an object that must have exactly these."""
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        raise Invalid(f"{where} must have exactly {', '.join(names)}")
    return [value[name] for name in names]


def text(value, where):
    if not isinstance(value, str) or not value:
        raise Invalid(f"{where} must be a string")
    return value


def parse(request):
    """((domain, user, password), "name" or "id", project, whether a catalogue is wanted)."""
    if not CONTENT_TYPE.fullmatch(request.headers.get("content-type", "")):
        raise Invalid("Content-Type must be application/json")
    query = split_query(request.query)
    if any(name != "nocatalog" or not value for name, value in query) or len(query) > 1:
        raise Invalid("unknown query parameter")
    try:
        body = json.loads(request.body.decode())
    except ValueError:
        raise Invalid("the body is not JSON") from None
    (auth,) = fields(body, "body", "auth")
    identity, scope = fields(auth, "auth", "identity", "scope")
    methods, password = fields(identity, "identity", "methods", "password")
    if methods != ["password"]:
        raise Invalid('methods must be ["password"]')
    (user,) = fields(password, "password", "user")
    name, secret, domain = fields(user, "user", "name", "password", "domain")
    (domain_name,) = fields(domain, "domain", "name")
    (project,) = fields(scope, "scope", "project")
    if not isinstance(project, dict) or len(project) != 1 or not set(project) <= {"name", "id"}:
        raise Invalid("scope.project must have a name or an id")
    ((by, wanted),) = project.items()
    who = (text(domain_name, "domain.name"), text(name, "user.name"), text(secret, "user.password"))
    return who, by, text(wanted, "scope.project"), not query


def answer(request, users, gate, settings, now):
    """The answer to a request for a token; users are (domain, user, password)."""
    try:
        who, by, wanted, catalogue = parse(request)
    except Invalid as invalid:
        return iam_error(400, f"Invalid request: {invalid}.")
    if who not in users:
        return iam_error(401, "The username or password is wrong.")
    for project, name in gate.projects.items():
        if wanted == (name if by == "name" else project):
            break
    else:
        return iam_error(404, f"Could not find project: {wanted[:64]}.")
    expires = now + settings.token_lifetime
    token = gate.issue(settings.token_length, expires, project)
    domain = {"id": make_id(0, "domain", who[0]), "name": who[0]}
    body = {"token": {
        "expires_at": stamp(expires),
        "issued_at": stamp(now),
        "methods": ["password"],
        "project": {"id": project, "name": name, "domain": domain},
        "user": {"id": make_id(0, "user", who[1]), "name": who[1], "domain": domain,
                 "password_expires_at": ""},
        "roles": [{"id": "0", "name": "cph_user"}],
    }}
    if catalogue:
        body["token"]["catalog"] = [{"id": make_id(0, "catalogue", "cph"), "name": "cph", "type": "cph",
                                     "endpoints": []}]
    return json_answer(201, body, [("X-Subject-Token", token), ("X-IAM-Trace-Id", request.id)])


def list_projects(request, gate, now):
    """The projects of one name, for somebody who is known."""
    gate.identify(request, None, now)
    query = split_query(request.query)
    if len(query) != 1 or query[0][0] != "name" or not query[0][1]:
        return iam_error(400, "Invalid request: unknown query parameter.")
    domain = make_id(0, "domain", "")
    projects = [{"id": project, "name": name, "domain_id": domain, "parent_id": domain, "description": "",
                 "enabled": True, "is_domain": False, "links": {}}
                for project, name in gate.projects.items() if name == query[0][1]]
    return json_answer(200, {"projects": projects, "links": {"self": "", "next": None, "previous": None}},
                       [("X-IAM-Trace-Id", request.id)])


def stamp(seconds):
    whole = int(seconds)
    micros = int((seconds - whole) * 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{micros:06d}Z"
