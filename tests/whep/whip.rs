//! WHIP (RFC 9725): what a publisher may send, and what it gets. What it shares with WHEP is tried in
//! `rules`; here is what differs.

use super::exchange::{Answer, send, session_of};
use super::support::binary::Framegate;

pub const PUBLISH: &str = "push-0123456789abcdef";
const VIEW: &str = "view-0123456789abcdef";

const GRAPH: &str = "
version: 1
nodes:
  - { id: guest, kind: whip }
  - { id: other, kind: whip }
  - { id: live, kind: relay, inputs: guest }
  - { id: second, kind: relay, inputs: other }
server:
  tokens:
    - { token: \"${VIEW}\" }
    - { token: \"${PUBLISH}\", rights: [publish] }
";

/// A server that can be published to with a token.
pub fn guests() -> Framegate {
    Framegate::run_text_with(GRAPH, &[], &[("VIEW", VIEW), ("PUBLISH", PUBLISH)])
}

fn offer_of(direction: &str) -> String {
    super::OFFER.replace("a=recvonly", &format!("a={direction}"))
}

fn publish(server: &Framegate, to: &str, token: &str, sdp: &str) -> Answer {
    ask(token, "POST", &server.at(to), sdp)
}

fn ask(token: &str, method: &str, url: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    send(method, url, &[("Authorization", &bearer), ("Content-Type", "application/sdp")], body)
}

#[test]
fn a_publisher_is_answered_and_its_session_ends_when_it_says_so() {
    let server = guests();
    for direction in ["sendonly", "sendrecv"] {
        let answer = publish(&server, "guest/whip", PUBLISH, &offer_of(direction));
        assert_eq!(answer.status, 201, "{direction}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/sdp");
        assert!(answer.header("location").starts_with("whip/"), "{answer:?}");
        assert!(answer.header("etag").len() > 20, "{answer:?}");
        for line in ["a=recvonly", "a=candidate:", "H264/90000", "a=rtcp-mux", "a=setup:passive"] {
            assert!(answer.body.contains(line), "{line} in\n{}", answer.body);
        }
        let session = session_of(&server.at("guest/whip"), &answer);
        assert_eq!(ask(PUBLISH, "DELETE", &session, "").status, 200);
        assert_eq!(ask(PUBLISH, "DELETE", &session, "").status, 404);
    }
}

#[test]
fn sound_is_turned_down_and_the_picture_is_taken() {
    let server = guests();
    let sound = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:9\r\na=sendonly\r\n\
                 a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";
    let offer = offer_of("sendonly").replace("m=video", &format!("{sound}m=video"));
    let answer = publish(&server, "guest/whip", PUBLISH, &offer);
    assert_eq!(answer.status, 201, "{answer:?}");
    let (sound, picture) = (answer.body.find("m=audio 0 "), answer.body.find("m=video 9 "));
    assert!(sound.is_some() && sound < picture, "{}", answer.body);
    assert!(answer.body.contains("a=inactive\r\na=mid:9"), "{}", answer.body);
}

#[test]
fn one_publishes_at_a_time_to_each() {
    let server = guests();
    let offer = offer_of("sendonly");
    let first = publish(&server, "guest/whip", PUBLISH, &offer);
    assert_eq!(first.status, 201, "{first:?}");
    let second = publish(&server, "guest/whip", PUBLISH, &offer);
    assert_eq!(second.status, 409, "{second:?}");
    assert!(second.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{second:?}");
    assert!(second.problem().contains("guest"), "{second:?}");
    let elsewhere = publish(&server, "other/whip", PUBLISH, &offer);
    assert_eq!(elsewhere.status, 201, "{elsewhere:?}");
    let session = session_of(&server.at("guest/whip"), &first);
    assert_eq!(ask(PUBLISH, "DELETE", &session, "").status, 200);
    assert_eq!(publish(&server, "guest/whip", PUBLISH, &offer).status, 201, "its place is free");
}

#[test]
fn only_who_may_publish_publishes() {
    let server = guests();
    let offer = offer_of("sendonly");
    let nameless = send("POST", &server.at("guest/whip"), &[("Content-Type", "application/sdp")], &offer);
    assert_eq!(nameless.status, 401, "{nameless:?}");
    let viewer = publish(&server, "guest/whip", VIEW, &offer);
    assert_eq!(viewer.status, 403, "{viewer:?}");
    assert!(viewer.problem().contains("publish"), "{viewer:?}");
    // Nor does anybody else touch the session of one who may.
    let published = publish(&server, "guest/whip", PUBLISH, &offer);
    assert_eq!(published.status, 201, "{published:?}");
    let session = session_of(&server.at("guest/whip"), &published);
    for method in ["PATCH", "DELETE"] {
        assert_eq!(send(method, &session, &[], "").status, 401, "{method}");
        assert_eq!(ask(VIEW, method, &session, "").status, 403, "{method}");
    }
    // Whoever has its name, which is a secret, has to come by its own address too.
    let name = session.rsplit('/').next().expect("it has one");
    for (token, path) in [(VIEW, "live/whep"), (PUBLISH, "other/whip")] {
        let elsewhere = server.at(&format!("{path}/{name}"));
        assert_eq!(ask(token, "DELETE", &elsewhere, "").status, 404, "{path}");
        let fragment = [("Content-Type", "application/trickle-ice-sdpfrag"), ("If-Match", "*")];
        let bearer = format!("Bearer {token}");
        let patched = send("PATCH", &elsewhere, &[fragment[0], fragment[1], ("Authorization", &bearer)], "");
        assert_eq!(patched.status, 404, "{path}");
    }
    assert_eq!(publish(&server, "guest/whip", PUBLISH, &offer).status, 409, "it goes on");
    assert_eq!(ask(PUBLISH, "DELETE", &session, "").status, 200);
    // The other way round, a publisher sees nothing.
    assert_eq!(ask(PUBLISH, "GET", &server.at("live/whep"), "").status, 403);
}

#[test]
fn what_cannot_be_taken_is_refused_with_the_reason() {
    let server = guests();
    let refused = |sdp: &str| publish(&server, "guest/whip", PUBLISH, sdp);
    assert_eq!(refused("hello").status, 400);
    let backwards = refused(super::OFFER);
    assert_eq!(backwards.status, 400, "{backwards:?}");
    assert!(backwards.problem().contains("sendonly"), "{backwards:?}");
    assert_eq!(refused(&offer_of("sendonly").replace("H264/90000", "VP9/90000")).status, 406);
    for (path, offer) in [("live/whip", offer_of("sendonly")), ("nobody/whip", offer_of("sendonly"))] {
        let answer = publish(&server, path, PUBLISH, &offer);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        answer.problem();
    }
    let watching = ask(VIEW, "POST", &server.at("guest/whep"), super::OFFER);
    assert_eq!(watching.status, 404, "an entrance is not to be watched: {watching:?}");
}

#[test]
fn a_publisher_that_never_comes_makes_room_again() {
    let server = guests();
    assert_eq!(publish(&server, "guest/whip", PUBLISH, &offer_of("sendonly")).status, 201);
    super::support::asking::until("room for the next", || {
        publish(&server, "guest/whip", PUBLISH, &offer_of("sendonly")).status == 201
    });
}
