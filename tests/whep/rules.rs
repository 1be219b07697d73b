//! The table of the WHEP endpoint, one test for each row.

use super::exchange::{Answer, offer, open, send, session_of};
use super::support::asking::until;
use super::support::binary::Framegate;
use super::watching::{Joined, Takes};
use super::{GRAPH, OFFER, shared};

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const CANDIDATE: &str = "a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlZ3\r\n\
     m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
     a=candidate:1 1 udp 2113937151 127.0.0.1 50123 typ host\r\n";

fn endpoint() -> String {
    format!("{}live/whep", shared())
}

#[test]
fn an_offer_is_answered_with_a_session() {
    let answer = offer(&endpoint(), OFFER);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/sdp");
    assert_eq!(answer.header("accept-patch"), FRAGMENT);
    let tag = answer.header("etag");
    assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "a strong quoted tag, got {tag}");
    for line in ["a=sendonly", "a=candidate:", "H264/90000", "packetization-mode=1", "a=rtcp-mux"] {
        assert!(answer.body.contains(line), "{line} in\n{}", answer.body);
    }
    assert!(answer.body.contains("m=video") && answer.body.contains(" 108"), "the payload type offered");
    assert_eq!(send("DELETE", &session_of(&endpoint(), &answer), &[], "").status, 200);
}

#[test]
fn a_session_has_a_name_nobody_can_guess() {
    let (one, other) = (open(&endpoint()).0, open(&endpoint()).0);
    let name = |session: &str| session.rsplit('/').next().unwrap_or_default().to_owned();
    assert_ne!(name(&one), name(&other));
    assert!(name(&one).len() >= 20, "{}", name(&one));
    for session in [one, other] {
        assert_eq!(send("DELETE", &session, &[], "").status, 200);
    }
}

#[test]
fn a_body_that_is_not_sdp_is_refused_by_its_type() {
    for kind in ["application/json", "text/plain", ""] {
        let answer = send("POST", &endpoint(), &[("Content-Type", kind)], OFFER);
        assert_eq!(answer.status, 415, "{answer:?}");
        assert!(answer.problem().contains("application/sdp"));
        assert_eq!(answer.header("accept-post"), "application/sdp");
    }
    let with_parameter = [("Content-Type", "Application/SDP; charset=utf-8")];
    let answer = send("POST", &endpoint(), &with_parameter, OFFER);
    assert_eq!(answer.status, 201, "a parameter and capitals change nothing: {answer:?}");
    send("DELETE", &session_of(&endpoint(), &answer), &[], "");
}

#[test]
fn unreadable_sdp_is_a_bad_request() {
    for sdp in ["", "hello", "v=0\r\n", "v=0\r\nm=video\r\n", &OFFER.replace("ice-pwd", "ice-nothing")] {
        let answer = offer(&endpoint(), sdp);
        assert!(matches!(answer.status, 400 | 406), "{sdp:?}: {answer:?}");
        assert!(!answer.problem().is_empty());
    }
    assert_eq!(offer(&endpoint(), "hello").status, 400);
}

#[test]
fn an_offer_too_long_is_refused_by_its_length() {
    let long = format!("{OFFER}a=x:{}\r\n", "y".repeat(128 * 1024));
    let answer = offer(&endpoint(), &long);
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.problem().contains("131072"));
}

#[test]
fn an_offer_without_usable_h264_is_not_acceptable() {
    let without = OFFER.replace("H264/90000", "VP9/90000");
    let whole_frames = OFFER.replace("packetization-mode=1", "packetization-mode=0");
    for sdp in [without, whole_frames] {
        let answer = offer(&endpoint(), &sdp);
        assert_eq!(answer.status, 406, "{answer:?}");
        assert!(answer.problem().contains("H264") || answer.problem().contains("H.264"));
    }
}

#[test]
fn a_relay_that_is_not_in_the_graph_is_not_found() {
    let answer = offer(&format!("{}nobody/whep", shared()), OFFER);
    assert_eq!(answer.status, 404, "{answer:?}");
    assert!(answer.problem().contains("nobody"));
}

/// A FIFO that nobody writes to: the relay is there and its source is not.
#[test]
fn without_a_picture_the_viewer_is_told_when_to_come_back() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let pipe = folder.path().join("pipe.y4m");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is part of coreutils");
    assert!(made.success());
    let graph = format!(
        "version: 1\nnodes:\n  - {{ id: camera, kind: file, with: {{ path: {}, size: 320x240, rate: 15, format: i420 }} }}\n  \
         - {{ id: h264, kind: h264, inputs: camera }}\n  - {{ id: live, kind: relay, inputs: h264 }}\n",
        pipe.display()
    );
    let server = Framegate::run_text(&graph, &[]);
    let answer = offer(&server.at("live/whep"), OFFER);
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{answer:?}");
    answer.problem();
}

#[test]
fn one_viewer_too_many_is_told_when_to_come_back() {
    let server = Framegate::run_text(GRAPH, &["--set", "live.max_viewers=1"]);
    server.until_live();
    let endpoint = server.at("live/whep");
    let (session, _) = open(&endpoint);
    let answer = offer(&endpoint, OFFER);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{answer:?}");
    assert!(answer.problem().contains("max_viewers"));
    assert_eq!(send("DELETE", &session, &[], "").status, 200);
    assert_eq!(offer(&endpoint, OFFER).status, 201, "the place is free again");
}

#[test]
fn candidates_may_trickle_in() {
    let (session, tag) = open(&endpoint());
    let patch = |headers: &[(&str, &str)], body| send("PATCH", &session, headers, body);
    let kind = ("Content-Type", FRAGMENT);

    let taken = patch(&[kind, ("If-Match", &tag)], CANDIDATE);
    assert_eq!((taken.status, taken.body.as_str()), (204, ""), "{taken:?}");

    let unconditional = patch(&[kind], CANDIDATE);
    assert_eq!(unconditional.status, 428, "{unconditional:?}");
    assert!(unconditional.problem().contains("If-Match"));

    let stale = patch(&[kind, ("If-Match", "\"of another time\"")], CANDIDATE);
    assert_eq!(stale.status, 412, "{stale:?}");
    stale.problem();

    let wrong = patch(&[("Content-Type", "application/sdp"), ("If-Match", &tag)], CANDIDATE);
    assert_eq!(wrong.status, 415, "{wrong:?}");
    assert_eq!(wrong.header("accept-patch"), FRAGMENT);

    assert_eq!(send("DELETE", &session, &[], "").status, 200);
}

#[test]
fn a_fragment_for_an_unknown_session_is_not_found() {
    let headers = [("Content-Type", FRAGMENT), ("If-Match", "\"x\"")];
    let answer = send("PATCH", &format!("{}/nobody", endpoint()), &headers, CANDIDATE);
    assert_eq!(answer.status, 404, "{answer:?}");
    answer.problem();
}

/// A fragment that begins another ICE session, in which the viewer is called `user`.
fn restart(user: &str) -> String {
    CANDIDATE.replace("4ZcD", user).replace("2/1muCWoOi3uLifh0NuRHlZ3", "anotherpasswordof22chars")
}

fn patch(session: &str, tag: &str, body: &str) -> Answer {
    send("PATCH", session, &[("Content-Type", FRAGMENT), ("If-Match", tag)], body)
}

#[test]
fn an_ice_restart_is_answered_with_credentials_and_a_tag_of_its_own_and_never_ends_the_session() {
    let joined = Joined::at(&endpoint());
    let (session, tag) = (joined.session.clone(), joined.answer.header("etag").to_owned());
    let value =
        |text: &str, key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);

    for lacking in ["a=ice-ufrag:new1\r\n", "a=ice-ufrag:new1\r\na=ice-pwd:short\r\n"] {
        let refused = patch(&session, "\"*\"", lacking);
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.problem().contains("a=ice-pwd"), "{refused:?}");
    }
    let (mut tag, mut old) = (tag, joined.answer.body.clone());
    let watching = joined.watch(Takes::Everything);
    watching.sees_media();
    for star in ["\"*\"", "*"] {
        let wanted = restart(&format!("new{}", star.len()));
        let restarted = patch(&session, star, &wanted);
        assert_eq!(restarted.status, 200, "{restarted:?}");
        assert_eq!(restarted.header("content-type"), FRAGMENT);
        let renewed = restarted.header("etag").to_owned();
        assert!(renewed.starts_with('"') && renewed != tag, "a tag of its own, got {renewed} after {tag}");
        for key in ["a=ice-ufrag:", "a=ice-pwd:"] {
            let value = |text: &str| value(text, key).unwrap_or_else(|| panic!("{key} in {text}"));
            assert_ne!(value(&restarted.body), value(&old));
        }
        assert!(restarted.body.contains("a=mid:0\r\na=candidate:"), "{}", restarted.body);

        // A candidate of the ICE session before it is too late, and one of this is in time.
        assert_eq!(patch(&session, &tag, CANDIDATE).status, 412);
        assert_eq!(patch(&session, &renewed, &wanted).status, 204);
        (tag, old) = (renewed, restarted.body);
        watching.sees_media();
    }
    assert_eq!(send("DELETE", &session, &[], "").status, 200);
}

#[test]
fn before_a_session_is_connected_an_ice_restart_is_refused_and_the_session_comes_about_as_it_would() {
    let joined = Joined::at(&endpoint());
    let (session, tag) = (joined.session.clone(), joined.answer.header("etag").to_owned());
    for user in ["new1", "new2"] {
        let refused = patch(&session, "*", &restart(user));
        assert_eq!(refused.status, 422, "{refused:?}");
        let problem = refused.problem();
        assert!(problem.contains("not connected") && problem.contains("new offer"), "{problem}");
        assert_eq!(patch(&session, &tag, "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n").status, 204);
    }
    let watching = joined.watch(Takes::Everything);
    watching.sees_media();
    assert_eq!(patch(&session, "*", &restart("new1")).status, 200);
    watching.sees_media();
    assert_eq!(send("DELETE", &session, &[], "").status, 200);
}

/// ICE alone would keep it for ever.
#[test]
fn a_viewer_that_is_found_and_never_shakes_hands_is_forgotten() {
    let joined = Joined::at(&endpoint());
    let (session, tag) = (joined.session.clone(), joined.answer.header("etag").to_owned());
    let _there = joined.watch(Takes::ChecksAlone);
    assert_eq!(patch(&session, "*", &restart("new1")).status, 422, "it is not connected");
    until("a session that is not found", || match patch(&session, &tag, "").status {
        204 => false,
        404 => true,
        status => panic!("{status}"),
    });
    assert_eq!(send("DELETE", &session, &[], "").status, 404);
}

#[test]
fn a_session_ends_once() {
    let (session, _) = open(&endpoint());
    assert_eq!(send("DELETE", &session, &[], "").status, 200);
    let again = send("DELETE", &session, &[], "");
    assert_eq!(again.status, 404, "{again:?}");
    again.problem();
}

#[test]
fn a_session_cannot_be_ended_by_way_of_another_relay() {
    let (session, _) = open(&endpoint());
    let elsewhere = session.replace("/live/", "/other/");
    assert_eq!(send("DELETE", &elsewhere, &[], "").status, 404);
    assert_eq!(send("DELETE", &session, &[], "").status, 200);
}

#[test]
fn a_preflight_lists_what_is_allowed() {
    let asked = [
        ("Origin", "https://elsewhere.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ];
    let server =
        Framegate::run_text(GRAPH, &["--set", "server.allow_origins=[\"https://elsewhere.example\"]"]);
    let answer = send("OPTIONS", &server.at("live/whep"), &asked, "");
    assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), "https://elsewhere.example");
    for method in ["POST", "PATCH", "DELETE", "OPTIONS"] {
        assert!(answer.header("access-control-allow-methods").contains(method), "{answer:?}");
    }
    for name in ["Authorization", "Content-Type", "If-Match"] {
        assert!(answer.header("access-control-allow-headers").contains(name), "{answer:?}");
    }

    let mut stranger = asked;
    stranger[0].1 = "https://stranger.example";
    let answer = send("OPTIONS", &server.at("live/whep"), &stranger, "");
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("access-control-allow-methods"), "");

    server.until_live();
    let headers = [("Origin", "https://elsewhere.example"), ("Content-Type", "application/sdp")];
    let answer = send("POST", &server.at("live/whep"), &headers, OFFER);
    assert_eq!(answer.status, 201, "{answer:?}");
    for name in ["Location", "ETag", "Link", "Accept-Patch", "Retry-After"] {
        assert!(answer.header("access-control-expose-headers").contains(name), "{answer:?}");
    }
}

#[test]
fn pages_of_other_origins_are_kept_out_unless_the_graph_lets_them_in() {
    let asked = [("Origin", "https://elsewhere.example"), ("Access-Control-Request-Method", "POST")];
    let answer = send("OPTIONS", &endpoint(), &asked, "");
    assert_eq!(answer.header("access-control-allow-origin"), "", "{answer:?}");
}

#[test]
fn plain_options_say_what_may_be_sent() {
    let answer = send("OPTIONS", &endpoint(), &[], "");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("accept-post"), "application/sdp");
    assert!(answer.header("allow").contains("POST"));
}

#[test]
fn looking_at_the_endpoint_shows_nothing_and_breaks_nothing() {
    for method in ["GET", "HEAD"] {
        let answer = send(method, &endpoint(), &[], "");
        assert!((200..300).contains(&answer.status), "{answer:?}");
        assert_eq!(answer.body, "");
    }
}

#[test]
fn nothing_ever_redirects() {
    for path in
        ["", "live", "live/", "live/whep", "live/whep/", "live//whep", "api", "api/", "_page", "_page/"]
    {
        let answer = send("GET", &format!("{}{path}", shared()), &[], "");
        assert!(!(300..400).contains(&answer.status), "{path}: {answer:?}");
    }
}

#[test]
fn a_method_that_means_nothing_here_is_refused() {
    let answer = send("PUT", &endpoint(), &[("Content-Type", "application/sdp")], OFFER);
    assert_eq!(answer.status, 405, "{answer:?}");
    assert!(answer.header("allow").contains("POST"), "{answer:?}");
    answer.problem();
}

#[test]
fn a_page_that_points_its_own_name_here_gets_nothing() {
    let kind = ("Content-Type", "application/sdp");
    let answer = send("POST", &endpoint(), &[kind, ("Host", "evil.test:8080")], OFFER);
    assert_eq!(answer.status, 421, "{answer:?}");
    assert!(answer.problem().contains("evil.test:8080"), "{answer:?}");
    let local = send("POST", &endpoint(), &[kind, ("Host", "localhost:8080")], OFFER);
    assert_eq!(local.status, 201, "{local:?}");
    send("DELETE", &session_of(&endpoint(), &local), &[], "");
}
