"""An answer of the service, and the bodies of its errors."""

import json

#: What goes with an error code when nothing else is said.
MESSAGES = {
    "CPS.0001": "No permission to request resources.",
    "CPS.0002": "Parameter: offset or limit is invalid.",
    "CPS.0003": "Internal service error. Please try again later.",
    "CPS.0004": "Parameter: phone_id is invalid.",
    "CPS.0005": "The cloud phone does not exist.",
    "CPS.0006": "The account is in arrears: op_restricted.",
    "CPS.0007": "The account is frozen: op_suspended.",
    "CPS.0008": "The account has not completed real-name authentication: op_unverified.",
    "CPS.0010": "Parameter: status is invalid.",
    "CPS.0016": "server_id is invalid.",
    "CPS.0025": "Parameter: name is invalid.",
    "CPS.0030": "Parameter: image_id is invalid.",
    "CPS.0028": "Parameter: phone_model_name is invalid.",
    "CPS.0100": "Parameter is invalid.",
    "APIGW.0101": "The API does not exist or has not been published in the environment",
    "APIGW.0201": "API request error",
    "APIGW.0301": "Incorrect IAM authentication information: decrypt token fail",
    "APIGW.0303": "Incorrect app authentication information: signature expired",
    "APIGW.0307": "The token must be updated.",
    "APIGW.0308": "The throttling threshold has been reached: "
                  "policy user over ratelimit,limit:60,time:1 minute",
    "APIGW.0310": "The project is unavailable",
    "APIGW.0611": "Backend unavailable",
}

#: What some say to a client that does not ask for English, where the service speaks Chinese.
CHINESE = {
    "CPS.0001": "没有权限请求资源。",
    "CPS.0002": "参数offset或limit无效。",
    "CPS.0005": "云手机不存在。",
    "CPS.0010": "参数status无效。",
}

#: The error code that goes with an HTTP status when nothing else is said.
USUAL_CODES = {
    400: "APIGW.0201", 401: "APIGW.0301", 403: "CPS.0001", 404: "APIGW.0101",
    429: "APIGW.0308", 500: "CPS.0003",
}

REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 301: "Moved Permanently", 302: "Found",
    303: "See Other", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 411: "Length Required",
    413: "Payload Too Large", 421: "Misdirected Request", 425: "Too Early", 429: "Too Many Requests", 494: "Request Header Too Large",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout", 505: "HTTP Version Not Supported",
}


class Answer:
    """Status, headers beyond the usual ones, and body of one answer."""

    __slots__ = ("status", "body", "headers", "content_type")

    def __init__(self, status, body, headers=(), content_type="application/json"):
        self.status = status
        self.body = body
        self.headers = list(headers)
        self.content_type = content_type

    @property
    def packable(self):
        """May the body be compressed?"""
        return bool(self.body) and all(name != "Content-Encoding" for name, _ in self.headers)


class Refused(Exception):
    """The request is answered with an error of the service or of its gateway."""

    def __init__(self, code, message=None, status=400):
        super().__init__(code)
        self.code = code
        self.message = message or MESSAGES[code]
        self.status = status


def json_answer(status, value, headers=()):
    return Answer(status, json.dumps(value, ensure_ascii=False).encode(), headers)


def refusal(refused, request_id):
    """The answer for a Refused."""
    return service_error(refused.status, refused.code, refused.message, request_id)


def service_error(status, code, message, request_id):
    """The error body of the service itself and of its gateway."""
    return json_answer(status, {
        "error_code": code, "error_msg": message, "request_id": request_id})


def iam_error(status, message):
    """The error body of the token service, whose code is a number."""
    return json_answer(status, {"error": {
        "code": status, "message": message, "title": REASONS.get(status, "Error")}})


def details_error(status, code, message, request_id):
    """The error body with which a denied identity policy is explained."""
    return json_answer(status, {
        "error_code": code, "error_msg": message, "request_id": request_id,
        "encoded_authorization_message": "bm90IGZvciB5b3U=",
        "details": [{"error_code": code, "error_msg": message}]})


def html_page(status):
    """What a proxy in front of the service says when it cannot reach it."""
    title = f"{status} {REASONS.get(status, 'Error')}"
    text = (f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
            f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n")
    return Answer(status, text.encode(), content_type="text/html")
