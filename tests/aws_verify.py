"""Recomputes Signature Version 4 of a request with botocore: another implementation than reeve's."""
import calendar
import re
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, HTTPHeaders
from botocore.credentials import Credentials

FORM = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$"
)
LIFETIME_S = 300


class Refused(Exception):
    """The code that AWS would answer with."""


class OfNames(SigV4Auth):
    """Signs the headers that the client says it signed."""

    def __init__(self, keys, service, region, names):
        super().__init__(keys, service, region)
        self.names = names

    def headers_to_sign(self, request):
        headers = HTTPHeaders()
        for name in self.names:
            headers[name] = request.headers[name]
        return headers


def verify(method, path, headers, body, keys, service, now):
    """keys: id -> (secret, token or None). Answers the key's id, or raises Refused."""
    found = FORM.match(headers.get("Authorization", ""))
    if not found:
        raise Refused("MissingAuthenticationToken")
    key, day, region, for_service, names, signature = found.groups()
    names = names.split(";")
    if key not in keys:
        raise Refused("InvalidClientTokenId")
    secret, token = keys[key]
    if headers.get("X-Amz-Security-Token") != token:
        raise Refused("ExpiredToken")
    date = headers.get("X-Amz-Date", "")
    unsigned = [
        name.lower()
        for name in headers.keys()
        if name.lower() not in names and (name.lower().startswith("x-amz-") or name.lower() in ("host", "content-type"))
    ]
    absent = [name for name in names if headers.get(name) is None]
    if unsigned or absent or names != sorted(names) or not date.startswith(day) or for_service != service:
        raise Refused("IncompleteSignature")
    request = AWSRequest(method, "http://%s%s" % (headers["Host"], path), data=body)
    for name in names:
        request.headers[name] = headers[name]
    request.context["timestamp"] = date
    auth = OfNames(Credentials(key, secret, token), for_service, region, names)
    right = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    if right != signature:
        raise Refused("SignatureDoesNotMatch")
    signed_at = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    if abs(signed_at - now) > LIFETIME_S:
        raise Refused("RequestExpired")
    return key
