"""The paths below /_control/, with which tests steer the service: JSON in, JSON out."""

import json

from . import link
from .answers import Answer, Refused, json_answer
from .settings import Settings
from .resources import RESOURCES, decode, split_query

PREFIX = "/_control/"


def answer(service, connection, request):
    """The answer to a control request; connection is the one it came on."""
    path = request.path[len(PREFIX):]
    name, _, rest = path.partition("/")
    action = ACTIONS.get((request.method, name))
    try:
        if action is None:
            raise ValueError(f"no such control: {request.method} {request.path}")
        body = json.loads(request.body) if request.body else {}
        if not isinstance(body, dict):
            raise ValueError("the body must be a JSON object")
        if rest and (name not in TAKES_LIST or rest not in RESOURCES):
            raise ValueError(f"no such control: {request.method} {request.path}")
        result = action(Control(service, connection, request, rest), body)
    except (KeyError, TypeError, ValueError, Refused) as error:
        return json_answer(400, {"error": f"{type(error).__name__}: {error}"})
    return result if isinstance(result, Answer) else json_answer(200, result)


class Control:
    """What an action needs to know."""

    def __init__(self, service, connection, request, list_name):
        self.service = service
        self.connection = connection
        self.request = request
        self.list_name = list_name

    def others(self):
        """The connections that carry no control requests."""
        return [each for each in self.connection.open_connections if not each.steers]

    def fleet(self, name=None):
        name = name or self.list_name
        if name not in self.service.fleets:
            raise ValueError(f"list must be one of {', '.join(RESOURCES)}, not {name!r}")
        return self.service.fleets[name]

    def filters(self):
        """The query of a control path as filters; any value will do, documented or not."""
        resource = RESOURCES[self.list_name]
        filters = []
        for key, raw in split_query(self.request.query):
            if key not in resource.parameters or resource.parameters[key].how == "page":
                raise ValueError(f"unknown filter: {key}")
            value = decode(raw)
            integer = key in ("status", "type", "create_since", "create_until")
            filters.append((key, int(value) if integer else value))
        return tuple(filters)


def only(body, **defaults):
    """The values of a body that may have only these names, of the types of these defaults."""
    unknown = set(body) - set(defaults)
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(defaults)}")
    values = [body.get(name, default) for name, default in defaults.items()]
    for (name, default), value in zip(defaults.items(), values):
        if type(value) is not type(default):
            raise ValueError(f"{name} cannot be {value!r}")
    return values


# Data and state

def reset(control, body):
    service = control.service
    options = dict(service.options)
    for name, value in body.items():
        wanted = (int, float) if name == "ties" else type(options.get(name))
        if name not in options or not isinstance(value, wanted):
            raise ValueError(f"reset takes {', '.join(options)}, not {name}={value!r}")
        options[name] = value
    service.options = options
    service.generate()
    service.back_to_normal()
    return {name: len(fleet.rows) for name, fleet in service.fleets.items()}


def clear(control, body):
    control.service.back_to_normal()
    return {}


def warm(control, body):
    control.service.warm()
    return {}


def set_settings(control, body):
    if "changing" in body and body["changing"] is not None:
        control.fleet(body["changing"])
    control.service.settings.update(body)
    control.service.forget_views()
    return control.service.settings.as_dict()


def get_settings(control, body):
    return control.service.settings.as_dict()


def add_fault(control, body):
    arguments = dict(body)
    kind = arguments.pop("kind")
    control.service.faults.add(kind, arguments)
    return get_faults(control, body)


def get_faults(control, body):
    return [fault.as_dict() for fault in control.service.faults.active]


def clear_faults(control, body):
    control.service.faults.clear()
    return []


def mutate(control, body):
    """Puts a fault of kind mutate in the place of all faults, none for an empty body; what was mutated since the
    last time, bodies as Latin-1."""
    service = control.service
    service.faults.clear()
    if body:
        service.faults.add("mutate", body)
    done = [{"name": each.name, "means": each.means, "body": each.body.decode("latin-1")}
            for each in service.mutations]
    service.mutations.clear()
    return done


# The log

def get_log(control, body):
    return [entry.as_dict() for entry in control.service.log.entries]


def clear_log(control, body):
    control.service.log.clear()
    return {}


def stats(control, body):
    log = control.service.log
    return {
        "requests": len(log.entries),
        "connections": log.connections,
        "open_connections": log.open_connections,
        "accepted": log.accepted,
        "handshakes": log.handshakes,
        "resumed": log.resumed,
        "silent": sum(each.silent for each in control.others()),
        "in_flight": log.in_flight,
        "max_in_flight": log.max_in_flight,
        "list_requests_ever": control.service.turn,
        **{name: len(fleet.rows) for name, fleet in control.service.fleets.items()},
    }


def disconnect(control, body):
    """Closes the idle connections, as a service does that was restarted; with a status, as a load balancer does that
    has waited for long."""
    (status,) = only(body, status=0)
    return {"closed": sum(each.disconnect(status) for each in control.others())}


def silence(control, body):
    """Lets what is sent on the connections vanish, of all, the idle ones or new ones."""
    (which,) = only(body, which="all")
    if which == "new":
        chosen = control.service.listeners
        vanished = [link.vanish(sock) for sock in chosen]
    elif which in ("all", "idle"):
        chosen = [each for each in control.others() if which == "all" or each.is_idle()]
        vanished = [each.silence() for each in chosen]
    else:
        raise ValueError(f"which must be all, idle or new, not {which!r}")
    return {"silenced": len(chosen), "vanished": all(vanished)}


def speak(control, body):
    """Takes silence back."""
    control.service.let_in()
    silent = [each for each in control.others() if each.silent]
    for each in silent:
        each.speak()
    return {"speak": len(silent)}


# Rows

def copy(control, body):
    return Answer(200, control.fleet().copy_text(), content_type="text/plain; charset=utf-8")


def mark(control, body):
    for fleet in control.service.fleets.values():
        fleet.mark()
    return {}


def stayed(control, body):
    fleet = control.fleet()
    ids = [getattr(row, fleet.resource.id_field) for row in fleet.stayed(control.filters(), Settings())]
    return {"count": len(ids), "ids": ids}


def ever(control, body):
    ids = control.fleet().ever(control.filters(), Settings())
    return {"count": len(ids), "ids": ids}


def judge(control, body):
    rest = dict(body)
    ids, among = rest.pop("ids"), rest.pop("among", None)
    if rest or not isinstance(ids, list) or not isinstance(among, (list, type(None))):
        raise ValueError("judge takes ids and among, each a list of ids")
    return control.fleet().judge(ids, control.filters(), Settings(), None if among is None else set(among))


def take(body, *names):
    """body's list and after, and the rest of it, which may have only these names."""
    rest = dict(body)
    name, after = rest.pop("list"), rest.pop("after", 0)
    unknown = set(rest) - set(names)
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; there are list, after, {', '.join(names)}")
    return name, after, rest


def now_or_later(control, after, change):
    """Makes a change at once, or right after the after-th list request from now."""
    if after:
        control.service.scheduled.append([after, change])
        return {"scheduled": after}
    ids = change()
    return {"changed": len(ids), "ids": ids}


def ids_of(fleet, rows):
    return [getattr(row, fleet.resource.id_field) for row in rows]


def check_fields(fleet, fields):
    for field in fleet.resource.row.KEPT:
        if isinstance(fields.get(field), (dict, list)):
            raise ValueError(f"{field} must be a plain value; use set_fields to spoil it")


def insert(control, body):
    name, after, rest = take(body, "n", "fields")
    fleet = control.fleet(name)
    check_fields(fleet, rest.get("fields") or {})
    return now_or_later(control, after, lambda: ids_of(fleet, fleet.insert(
        rest.get("n", 1), control.service.server_ids(), rest.get("fields"))))


def delete(control, body):
    name, after, rest = take(body, "index", "n", "ids", "where")
    fleet = control.fleet(name)

    def change():
        rows = fleet.pick(**rest)
        fleet.delete(rows)
        return ids_of(fleet, rows)
    return now_or_later(control, after, change)


def update(control, body):
    name, after, rest = take(body, "index", "n", "ids", "where", "set")
    fleet = control.fleet(name)
    fields = rest.pop("set")
    check_fields(fleet, fields)

    def change():
        rows = fleet.pick(**rest)
        fleet.update(rows, fields)
        return ids_of(fleet, rows)
    return now_or_later(control, after, change)


# Credentials

def set_tokens(control, body):
    """{token: seconds it stays valid from now, or null for ever}."""
    service = control.service
    for token, seconds in body.items():
        service.gate.set_expiry(token, None if seconds is None else service.now() + seconds)
    return {}


def revoke_tokens(control, body):
    control.service.gate.revoke_issued()
    return {}


def unlock(control, body):
    control.service.gate.unlock()
    return {}


ACTIONS = {
    ("POST", "reset"): reset,
    ("POST", "clear"): clear,
    ("POST", "warm"): warm,
    ("POST", "set"): set_settings,
    ("GET", "set"): get_settings,
    ("POST", "fault"): add_fault,
    ("GET", "fault"): get_faults,
    ("DELETE", "fault"): clear_faults,
    ("POST", "mutate"): mutate,
    ("GET", "log"): get_log,
    ("DELETE", "log"): clear_log,
    ("GET", "stats"): stats,
    ("POST", "disconnect"): disconnect,
    ("POST", "silence"): silence,
    ("DELETE", "silence"): speak,
    ("GET", "copy"): copy,
    ("POST", "mark"): mark,
    ("GET", "stayed"): stayed,
    ("GET", "ever"): ever,
    ("POST", "judge"): judge,
    ("POST", "insert"): insert,
    ("POST", "delete"): delete,
    ("POST", "update"): update,
    ("POST", "tokens"): set_tokens,
    ("DELETE", "tokens"): revoke_tokens,
    ("POST", "unlock"): unlock,
}

TAKES_LIST = {"copy", "stayed", "ever", "judge"}
