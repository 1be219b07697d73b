#!/usr/bin/env python3
"""Holds a WHEP endpoint to draft-ietf-wish-whep-03 and, where it leans on it, RFC 9725.

usage: whep.py URL [--token TOKEN]

Plain HTTP, the standard library alone: no media is sent and nothing needs to be installed. Prints
one line for each rule:

    pass  the rule was kept            what was seen
    FAIL  it was not
    note  a MAY or SHOULD that was done otherwise
    skip  it could not be tried here, and why

Ends with status 1 if a rule was not kept. Sessions it opens are ended.
"""

import argparse
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
# Seconds; offers are answered in milliseconds.
PATIENCE = 15

# As a browser makes it before it has gathered candidates; audio and video, both to be received.
OFFER = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS
m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlZ3
a=ice-options:trickle
a=fingerprint:sha-256 75:74:5A:A6:A4:E5:52:F4:A7:67:4C:01:C7:EE:91:3F:21:3D:A2:E3:53:7B:6F:30:86:F2:30:FF:A6:22:D2:04
a=setup:actpass
a=mid:0
a=recvonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:108 H264/90000
a=rtcp-fb:108 ccm fir
a=rtcp-fb:108 nack
a=rtcp-fb:108 nack pli
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
""".replace("\n", "\r\n")

CANDIDATE = (
    "a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlZ3\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    "a=candidate:1 1 udp 2113937151 127.0.0.1 50123 typ host\r\n"
)
RESTART = CANDIDATE.replace("4ZcD", "NewU").replace("2/1muCWoOi3uLifh0NuRHlZ3", "anotherpasswordof22char")


class Never(urllib.request.HTTPRedirectHandler):
    """Redirects are answers here."""

    def redirect_request(self, *_):
        return None


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read().decode("utf-8", "replace")

    def header(self, name):
        return self.headers.get(name, "") or ""

    def kind(self):
        return self.header("Content-Type").split(";")[0].strip().lower()


class Silence:
    """No answer within the time a request is given: no status, and no rule is kept by it."""

    status, body = 0, ""

    def header(self, name):
        return ""

    def kind(self):
        return ""


class Endpoint:
    def __init__(self, url, token, sdp=OFFER):
        self.url, self.token, self.sdp = url, token, sdp
        self.opener = urllib.request.build_opener(Never)
        self.sessions = []

    def ask(self, method, url=None, headers=None, body=None, token=True):
        request = urllib.request.Request(url or self.url, method=method, data=None if body is None else body.encode())
        # Without this, Python puts a type of its own.
        request.add_unredirected_header("Content-Type", "")
        if not (headers or {}).get("Content-Type"):
            request.unredirected_hdrs.pop("Content-type", None)
        for name, value in (headers or {}).items():
            request.add_unredirected_header(name, value)
        if self.token and token:
            request.add_unredirected_header("Authorization", "Bearer " + self.token)
        try:
            return Answer(self.opener.open(request, timeout=PATIENCE))
        except urllib.error.HTTPError as error:
            return Answer(error)
        except TimeoutError:
            return Silence()

    def offer(self, sdp=None, kind=SDP):
        answer = self.ask("POST", headers={"Content-Type": kind}, body=sdp or self.sdp)
        if answer.status == 201 and answer.header("Location"):
            answer.session = urllib.parse.urljoin(self.url, answer.header("Location"))
            self.sessions.append(answer.session)
        return answer

    def end(self, session):
        if session in self.sessions:
            self.sessions.remove(session)
        return self.ask("DELETE", session)


class Table:
    def __init__(self):
        self.failed = 0

    def row(self, verdict, rule, seen=""):
        self.failed += verdict == "FAIL"
        seen = f"no answer in {PATIENCE} s" if seen == 0 else seen
        print(f"{verdict:5} {rule:68} {seen}".rstrip(), flush=True)

    def must(self, holds, rule, seen=""):
        self.row("pass" if holds else "FAIL", rule, seen)

    def should(self, holds, rule, seen=""):
        self.row("pass" if holds else "note", rule, seen)


def an_offer(table, endpoint, direction):
    answer = endpoint.offer()
    table.must(answer.status == 201, "POST of an offer is answered 201", answer.status)
    if answer.status != 201:
        return None
    table.must(answer.kind() == SDP, "with an SDP answer", answer.kind())
    location = answer.header("Location")
    table.must(bool(location), "and the session's address in Location", location)
    table.should(not urllib.parse.urlsplit(location).netloc, "Location is relative, so it survives a proxy", location)
    name = location.rstrip("/").rsplit("/", 1)[-1]
    table.should(len(name) >= 20, "the session has a name nobody can guess", f"{len(name)} characters")
    tag = answer.header("ETag")
    table.must(bool(re.fullmatch(r'"[^"]+"', tag)), "the ICE session has a strong entity tag", tag or "no ETag")
    patch = answer.header("Accept-Patch")
    table.should(FRAGMENT in patch, "Accept-Patch names trickle fragments", patch or "no Accept-Patch")
    video = answer.body[answer.body.find("m=video"):]
    table.must(f"a={direction}" in video, f"the answer's video is {direction}")
    table.must("a=rtcp-mux" in answer.body, "RTCP is multiplexed")
    table.must("a=group:BUNDLE" in answer.body, "all media are bundled")
    table.must(re.search(r"a=setup:(active|passive)", answer.body) is not None, "the DTLS role is decided")
    count = answer.body.count("a=candidate:")
    table.should(count > 0, "the answer brings its candidates", f"{count} candidates")
    types = re.match(r"m=video \d+ \S+ ([\d ]+)", video)
    given = set(types.group(1).split()) if types else set()
    table.must(bool(given) and given <= {"96", "97", "108", "109"}, "payload types are those of the offer", " ".join(sorted(given)))
    return answer


def refusals(table, endpoint):
    wrong = endpoint.ask("POST", headers={"Content-Type": "application/json"}, body="{}")
    table.must(wrong.status == 415, "a body of another type is refused with 415", wrong.status)
    broken = endpoint.offer("hello")
    table.must(broken.status in (400, 422), "unreadable SDP is a bad request, 400", broken.status)
    table.should(broken.kind() == "application/problem+json", "what is wrong is told as problem+json (RFC 9457)", broken.kind() or "no type")
    without = endpoint.offer(endpoint.sdp.replace("H264/90000", "X-NONE/90000").replace("VP8/90000", "X-NIL/90000"))
    table.must(400 <= without.status < 500, "an offer with no usable codec is refused", without.status)
    table.should(without.status == 406, "and with 406", without.status)
    long = endpoint.offer(endpoint.sdp + "a=x:" + "y" * 300_000 + "\r\n")
    table.should(long.status == 413, "a body far too long is refused with 413", long.status)
    other = endpoint.ask("PUT", headers={"Content-Type": SDP}, body=endpoint.sdp)
    table.must(400 <= other.status < 500, "a method that means nothing is refused", other.status)


def looks(table, endpoint):
    for method in ("GET", "HEAD"):
        answer = endpoint.ask(method)
        table.should(200 <= answer.status < 300, f"{method} on the endpoint is 2xx", answer.status)
    options = endpoint.ask("OPTIONS")
    table.must(200 <= options.status < 300, "OPTIONS is answered", options.status)
    table.should(SDP in options.header("Accept-Post"), "and says what may be posted", options.header("Accept-Post") or "no Accept-Post")
    preflight = endpoint.ask("OPTIONS", token=False, headers={
        "Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    })
    table.must(200 <= preflight.status < 300, "a CORS preflight is answered, without a token", preflight.status)
    allowed = preflight.header("Access-Control-Allow-Origin")
    if not allowed:
        table.row("skip", "CORS headers of answers", "this server lets no page of another origin in")
        return
    answer = endpoint.ask("POST", headers={"Content-Type": "text/plain", "Origin": "https://elsewhere.example"}, body="")
    exposed = answer.header("Access-Control-Expose-Headers").lower()
    table.must("location" in exposed or exposed == "*", "Location is exposed to pages", exposed or "nothing is exposed")


def trickling(table, endpoint, answer):
    tag = answer.header("ETag")

    def patch(body, **headers):
        return endpoint.ask("PATCH", answer.session, {"Content-Type": FRAGMENT, **headers}, body)

    first = patch(CANDIDATE, **{"If-Match": tag})
    if first.status in (405, 501):
        table.row("note", "this server takes no trickled candidates", first.status)
        return
    table.must(first.status == 204, "a candidate that comes later is taken with 204", first.status)
    table.must(not first.body, "without a body", f"{len(first.body)} bytes")
    missing = patch(CANDIDATE)
    table.must(missing.status == 428, "without If-Match it is refused with 428", missing.status)
    stale = patch(CANDIDATE, **{"If-Match": '"another"'})
    table.must(stale.status == 412, "with another tag it is refused with 412", stale.status)
    wrong = endpoint.ask("PATCH", answer.session, {"Content-Type": "application/json", "If-Match": tag}, "{}")
    table.must(wrong.status in (415, 422), "a body of another type is refused with 415", wrong.status)
    restart = patch(RESTART, **{"If-Match": '"*"'})
    if restart.status == 200:
        renewed = restart.header("ETag")
        table.must(bool(renewed) and renewed != tag, "an ICE restart is answered 200 with a tag of its own", renewed)
        table.must(restart.kind() == FRAGMENT, "and a fragment", restart.kind() or "no type")
        names = [re.search(r"a=ice-ufrag:(\S+)", sdp) for sdp in (answer.body, restart.body)]
        table.must(all(names) and names[0][1] != names[1][1], "with credentials of its own", " ".join(name[1] for name in names if name))
        late = patch(CANDIDATE, **{"If-Match": tag})
        table.must(late.status == 412, "a candidate of the ICE session before it is refused with 412", late.status)
        tag = renewed
    else:
        table.must(restart.status in (405, 422, 501), "an ICE restart that cannot be made is refused with 422", restart.status)
    later = (RESTART if restart.status == 200 else CANDIDATE).replace("50123", "50124")
    still = patch(later, **{"If-Match": tag})
    table.must(still.status == 204, "and the session goes on", still.status)
    unknown = endpoint.ask("PATCH", answer.session + "x", {"Content-Type": FRAGMENT, "If-Match": tag}, CANDIDATE)
    table.must(unknown.status in (404, 410), "a session that never was is not found, 404", unknown.status)


def the_end(table, endpoint, answer):
    ended = endpoint.end(answer.session)
    table.must(ended.status == 200, "DELETE ends the session with 200", ended.status)
    again = endpoint.ask("DELETE", answer.session)
    table.must(again.status in (404, 410), "and is not found a second time, 404", again.status)


def tokens(table, endpoint):
    if not endpoint.token:
        table.row("skip", "tokens: 401 with WWW-Authenticate", "no --token was given")
        return
    nameless = endpoint.ask("POST", headers={"Content-Type": SDP}, body=endpoint.sdp, token=False)
    table.must(nameless.status == 401, "without a token it is 401", nameless.status)
    table.must("bearer" in nameless.header("WWW-Authenticate").lower(), "with WWW-Authenticate: Bearer", nameless.header("WWW-Authenticate"))


def run(name, description, sdp, rows):
    """Tries `rows` on the endpoint that was named, and exits as a check does."""
    arguments = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("url")
    arguments.add_argument("--token")
    given = arguments.parse_args()
    table, endpoint = Table(), Endpoint(given.url, given.token, sdp)
    print(f"{name} at {given.url}\n", flush=True)
    try:
        rows(table, endpoint)
    finally:
        for session in list(endpoint.sessions):
            endpoint.end(session)
    print(f"\n{'every rule was kept' if not table.failed else f'{table.failed} rules were not kept'}")
    sys.exit(1 if table.failed else 0)


def rows(table, endpoint):
    looks(table, endpoint)
    answer = an_offer(table, endpoint, "sendonly")
    refusals(table, endpoint)
    tokens(table, endpoint)
    if answer:
        trickling(table, endpoint, answer)
        the_end(table, endpoint, answer)
    table.row("skip", "409 without a source, 503 when full, both with Retry-After", "cannot be brought about from outside")


if __name__ == "__main__":
    run("WHEP", __doc__, OFFER, rows)
