//! Many connections at once: whoever holds them open keeps nobody else out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::GRAPH;
use super::exchange::{Answer, get, send};
use super::support::binary::Framegate;

/// More than the server takes at once.
const CROWD: usize = 640;
/// Half of what the server gives a connection to come to its point.
const PROMPTLY: Duration = Duration::from_secs(5);
const BEGUN: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";

/// A connection from one of this machine's addresses, on which no answer is waited for longer than promptly.
fn connect(server: &Framegate, from: [u8; 4]) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    let own = SocketAddr::from((Ipv4Addr::from(from), 0));
    socket.bind(&own.into()).expect("every address in 127/8 is this machine's");
    let authority = server.url.trim_start_matches("http://").trim_end_matches('/');
    let to: SocketAddr = authority.parse().expect("the server says where it is");
    socket.connect(&to.into()).expect("the server takes connections");
    socket.set_read_timeout(Some(PROMPTLY)).expect("a timeout can be set");
    socket.into()
}

fn ask(mut connection: TcpStream, rest: &str) -> String {
    connection.write_all(format!("{BEGUN}{rest}Connection: close\r\n\r\n").as_bytes()).expect("it is read");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it is answered promptly");
    answer
}

#[test]
fn one_address_that_opens_all_connections_and_asks_for_nothing_keeps_nobody_out() {
    let server = Framegate::run_text(GRAPH, &[]);
    let greedy = [127, 0, 0, 1];
    let half_open: Vec<TcpStream> = (0..CROWD)
        .map(|_| {
            let mut connection = connect(&server, greedy);
            connection.write_all(BEGUN.as_bytes()).expect("there is room for so little");
            connection
        })
        .collect();
    for from in [[127, 0, 0, 2], greedy] {
        let answer = ask(connect(&server, from), "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{from:?}: {answer}");
    }
    drop(half_open);
    assert!(server.stop().success());
}

#[test]
fn a_connection_that_is_used_outlives_those_that_are_not() {
    let server = Framegate::run_text(GRAPH, &[]);
    let mut used = connect(&server, [127, 0, 0, 2]);
    let half_open: Vec<TcpStream> = (0..CROWD).map(|_| connect(&server, [127, 0, 0, 1])).collect();
    used.write_all(format!("{BEGUN}\r\n").as_bytes()).expect("it is read");
    let mut answer = [0; 15];
    used.read_exact(&mut answer).expect("it is answered promptly");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    drop(half_open);
}

#[test]
fn a_request_with_two_hosts_is_a_bad_one() {
    let server = Framegate::run_text(GRAPH, &[]);
    let answer = ask(connect(&server, [127, 0, 0, 1]), "Host: localhost\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("content-type: application/problem+json"), "{answer}");
    assert!(answer.contains("one Host header"), "{answer}");
    assert_eq!(get(&server.at("healthz")).status, 200);
}

#[test]
fn a_graph_that_is_too_long_is_refused_like_anything_else() {
    let server = Framegate::run_text(GRAPH, &[]);
    let answer: Answer = send("POST", &server.at("api/graph"), &[], &"#".repeat((1 << 20) + 1));
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.problem().contains("1048576"), "{answer:?}");
}
