#!/usr/bin/env python3
"""Holds a WHIP endpoint to RFC 9725.

usage: whip.py URL [--token TOKEN]

Most of it is what `whep.py` beside it tries too, and prints in the same way. The endpoint must have no publisher:
this is one, for as long as it runs, and sends no media.
"""

import re

import whep

# As a browser makes it that publishes sound and a picture.
TRANSPORT = re.search(r"c=IN.*?a=setup:actpass\r\n", whep.OFFER, re.DOTALL).group()
SOUND = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" + TRANSPORT +
    "a=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=ssrc:41 cname:guest\r\n"
)
SENT = "a=ssrc-group:FID 42 43\r\na=ssrc:42 cname:guest\r\na=ssrc:43 cname:guest\r\n"
OFFER = whep.OFFER.replace("BUNDLE 0", "BUNDLE 0 1").replace("a=recvonly", "a=sendonly") + SENT + SOUND


def sections(table, answer):
    kinds = re.findall(r"^m=(\w+) (\d+)", answer.body, re.MULTILINE)
    table.must([kind for kind, _ in kinds] == ["video", "audio"], "every section is answered in its place", " ".join(kind for kind, _ in kinds))
    sound = answer.body[answer.body.find("m=audio"):]
    taken = dict(kinds).get("audio") != "0"
    table.must(taken or "a=inactive" in sound, "sound is taken, or turned down without failing the rest", "taken" if taken else "turned down")


def a_second(table, endpoint):
    second = endpoint.offer()
    if second.status == 201:
        table.row("note", "a second publisher is turned away while there is one", "it was let in")
        endpoint.end(second.session)
        return
    table.must(400 <= second.status < 600, "a second publisher is turned away while there is one", second.status)
    table.should(second.status == 409, "and with 409", second.status)
    table.should(second.header("Retry-After").isdigit(), "and told when to try again", second.header("Retry-After") or "no Retry-After")


def rows(table, endpoint):
    whep.looks(table, endpoint)
    answer = whep.an_offer(table, endpoint, "recvonly")
    if answer:
        sections(table, answer)
        a_second(table, endpoint)
    whep.refusals(table, endpoint)
    backwards = endpoint.offer(OFFER.replace("a=sendonly", "a=recvonly"))
    table.must(400 <= backwards.status < 500, "an offer that sends nothing is refused", backwards.status)
    whep.tokens(table, endpoint)
    if answer:
        whep.trickling(table, endpoint, answer)
        whep.the_end(table, endpoint, answer)
        again = endpoint.offer()
        table.must(again.status == 201, "and its place is free for the next", again.status)


if __name__ == "__main__":
    whep.run("WHIP", __doc__, OFFER, rows)
