//! Tokens, their rights and the limit on offers, over HTTP.

use super::exchange::{Answer, get, send, session_of};
use super::support::binary::Framegate;
use super::watching::{Joined, Takes};
use super::{GRAPH, OFFER};

const VIEW: &str = "view-0123456789abcdef";
const PUBLISH: &str = "push-0123456789abcdef";
const ADMIN: &str = "boss-0123456789abcdef";

const SERVER: &str = "
server:
  tokens:
    - { token: \"${VIEW}\" }
    - { token: \"${PUBLISH}\", rights: [publish] }
    - { token: \"${ADMIN}\", rights: [admin] }
  ice_servers:
    - { urls: [\"stun:stun.test:3478\"] }
    - { urls: [\"turn:turn.test\", \"turns:turn.test\"], username: \"a \\\"user\\\"\", credential: \"${TURN}\" }
";

fn server() -> Framegate {
    let variables = [("VIEW", VIEW), ("PUBLISH", PUBLISH), ("ADMIN", ADMIN), ("TURN", "turn-secret")];
    Framegate::run_text_with(&format!("{GRAPH}{SERVER}"), &[], &variables)
}

fn with(token: &str, method: &str, url: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    send(method, url, &[("Authorization", &bearer), ("Content-Type", "application/sdp")], body)
}

/// An offer once the source has given its first picture.
fn offer(server: &Framegate, token: &str) -> Answer {
    loop {
        let answer = with(token, "POST", &server.at("live/whep"), OFFER);
        if answer.status != 409 {
            return answer;
        }
    }
}

#[test]
fn who_has_no_token_sees_nothing_of_the_graph() {
    let server = server();
    for path in ["api/graph", "api/relays", "metrics", "live/whep", "live/whep/nobody"] {
        let answer = get(&server.at(path));
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"framegate\"", "{path}");
        assert!(answer.problem().contains("token"), "{path}");
        let wrong = with("view-0123456789abcdeF", "GET", &server.at(path), "");
        assert_eq!(wrong.status, 401, "{path}: {wrong:?}");
        assert!(wrong.header("www-authenticate").contains("invalid_token"), "{path}");
    }
    let offered = send("POST", &server.at("live/whep"), &[("Content-Type", "application/sdp")], OFFER);
    assert_eq!(offered.status, 401, "{offered:?}");
    assert_eq!(get(&server.at("live/whep")).status, get(&server.at("nobody/whep")).status);
    assert_eq!(get(&server.at("live")).status, get(&server.at("nobody")).status);
    // What a person needs to be asked for the token.
    for path in ["", "_page/main.js", "live", "healthz"] {
        assert_eq!(get(&server.at(path)).status, 200, "{path}");
    }
}

#[test]
fn a_token_without_the_right_is_forbidden() {
    let server = server();
    let answer = with(PUBLISH, "POST", &server.at("live/whep"), OFFER);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.header("www-authenticate").contains("insufficient_scope"));
    assert!(answer.problem().contains("view"));
}

#[test]
fn a_session_is_begun_and_ended_with_a_token_and_only_with_one() {
    let server = server();
    for token in [VIEW, ADMIN] {
        let answer = offer(&server, token);
        assert_eq!(answer.status, 201, "{answer:?}");
        let session = session_of(&server.at("live/whep"), &answer);
        assert_eq!(send("DELETE", &session, &[], "").status, 401);
        assert_eq!(with(token, "DELETE", &session, "").status, 200);
    }
}

#[test]
fn viewers_are_told_of_stun_and_turn_servers_with_their_account() {
    let server = server();
    let described = with(VIEW, "OPTIONS", &server.at("live/whep"), "");
    assert_eq!(described.status, 200, "{described:?}");
    for answer in [offer(&server, VIEW), described] {
        let links = answer.all("link");
        assert_eq!(links.len(), 3, "{links:?}");
        assert_eq!(links[0], "<stun:stun.test:3478>; rel=\"ice-server\"");
        assert_eq!(
            links[1],
            "<turn:turn.test>; rel=\"ice-server\"; username=\"a \\\"user\\\"\"; credential=\"turn-secret\"; \
             credential-type=\"password\""
        );
    }
    let stranger = send("OPTIONS", &server.at("live/whep"), &[], "");
    assert_eq!((stranger.status, stranger.header("link")), (401, ""), "the account is not for everybody");
}

#[test]
fn a_page_of_another_origin_may_read_why_it_was_refused() {
    let variables = [("VIEW", VIEW)];
    let graph = format!(
        "{GRAPH}\nserver: {{ allow_origins: [\"https://a.test\"], tokens: [{{ token: \"${{VIEW}}\" }}] }}\n"
    );
    let server = Framegate::run_text_with(&graph, &[], &variables);
    let asked = [("Origin", "https://a.test"), ("Access-Control-Request-Method", "POST")];
    assert_eq!(send("OPTIONS", &server.at("live/whep"), &asked, "").status, 204, "preflights carry no token");
    let refused = send("POST", &server.at("live/whep"), &asked[..1], OFFER);
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(refused.header("access-control-allow-origin"), "https://a.test");
}

#[test]
fn a_secret_is_in_no_log_no_answer_and_no_plan() {
    let server = server();
    let answer = offer(&server, VIEW);
    assert_eq!(answer.status, 201, "{answer:?}");
    let mut seen = server.log();
    for path in ["api/graph", "api/relays", "metrics", ""] {
        seen += &with(ADMIN, "GET", &server.at(path), "").body;
    }
    seen += &with("view-wrongwrongwrong", "GET", &server.at("api/graph"), "").body;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("graph.yaml");
    std::fs::write(&path, format!("{GRAPH}{SERVER}")).expect("a temporary file can be written");
    for format in ["tree", "json", "mermaid", "dot"] {
        let shown = std::process::Command::new(env!("CARGO_BIN_EXE_framegate"))
            .args(["show", "--format", format])
            .arg(&path)
            .envs([("VIEW", VIEW), ("PUBLISH", PUBLISH), ("ADMIN", ADMIN), ("TURN", "turn-secret")])
            .output()
            .expect("the binary under test starts");
        assert!(shown.status.success(), "{shown:?}");
        seen += &String::from_utf8_lossy(&shown.stdout);
    }
    for secret in [VIEW, PUBLISH, ADMIN, "turn-secret"] {
        assert!(!seen.contains(secret), "{secret} in\n{seen}");
    }
}

#[test]
fn one_address_has_a_limit_and_is_told_when_to_come_back() {
    let server = Framegate::run_text(GRAPH, &["--set", "server.offers_per_minute=5"]);
    let answers: Vec<Answer> = (0..8)
        .map(|_| {
            send("POST", &server.at("live/whep"), &[("Content-Type", "application/sdp")], "no offer at all")
        })
        .collect();
    assert!(answers[..5].iter().all(|answer| answer.status != 429), "{answers:?}");
    let refused = &answers[7];
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{refused:?}");
    assert!(refused.problem().contains("server.offers_per_minute"));
    assert_eq!(get(&server.at("api/relays")).status, 200, "what costs nothing is not limited");
}

#[test]
fn a_restart_of_ice_counts_as_an_offer_and_candidates_do_not() {
    let server = Framegate::run_text(GRAPH, &["--set", "server.offers_per_minute=60"]);
    let endpoint = server.at("live/whep");
    server.until_live();
    let joined = Joined::at(&endpoint);
    let session = joined.session.clone();
    let watching = joined.watch(Takes::Everything);
    watching.sees_media();
    let headers = [("Content-Type", "application/trickle-ice-sdpfrag"), ("If-Match", "*")];
    let restart = |number: u32| {
        let fragment = format!("a=ice-ufrag:new{number}\r\na=ice-pwd:anotherpasswordof22chars\r\n");
        send("PATCH", &session, &headers, &fragment).status
    };
    assert_eq!(restart(0), 200);
    // One comes back each second, and so many are asked for in far less than that each.
    assert!((1..1000).map(restart).any(|status| status == 429));
    let candidate = "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n";
    assert_eq!(send("PATCH", &session, &headers, candidate).status, 204);
    assert_eq!(send("DELETE", &session, &[], "").status, 200);
}

#[test]
fn a_token_cannot_be_found_by_trying() {
    let graph =
        format!("{GRAPH}\nserver: {{ offers_per_minute: 5, tokens: [{{ token: \"${{VIEW}}\" }}] }}\n");
    let server = Framegate::run_text_with(&graph, &[], &[("VIEW", VIEW)]);
    let guess = |number: u32| with(&format!("guess-{number:016}"), "GET", &server.at("api/graph"), "").status;
    let answers: Vec<u16> = (0..8).map(guess).collect();
    assert_eq!((answers[0], answers[7]), (401, 429), "{answers:?}");
    assert_eq!(with(VIEW, "GET", &server.at("api/graph"), "").status, 200, "the right one still opens");
}
