//! A registry that is none: HTTP made by hand, which answers what no registry should.
//!
//! Each way to answer is a repository of its own, `NAME` in `oci://ADDRESS/NAME@sha256:…`.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

/// What a request says.
pub struct Request {
    /// `GET /v2/night/manifests/latest HTTP/1.1`
    pub line: String,
    pub authorization: Option<String>,
}

type Answer = dyn Fn(&Request, &mut TcpStream) + Send;

/// A server on a free loopback port, one request for each connection. Ends when dropped.
pub struct Server {
    pub address: String,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn answering(answer: impl Fn(&Request, &mut TcpStream) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound").to_string();
        let ends = Arc::new(AtomicBool::new(false));
        let (flag, answer): (_, Box<Answer>) = (ends.clone(), Box::new(answer));
        let thread = thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if flag.load(Ordering::SeqCst) {
                    return;
                }
                serve(connection, &*answer);
            }
        });
        Server { address, ends, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // So that it looks.
        drop(TcpStream::connect(&self.address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn serve(mut connection: TcpStream, answer: &Answer) {
    let mut lines =
        BufReader::new(connection.try_clone().expect("a socket can be shared")).lines().map_while(Result::ok);
    let Some(line) = lines.next() else { return };
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let authorization = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization").then(|| value.trim().to_owned())
    });
    answer(&Request { line, authorization }, &mut connection);
}

/// Writes an answer with its length. A client that has left is none of our business.
pub fn write(to: &mut TcpStream, status: &str, header: &str, body: &[u8]) {
    let head =
        format!("HTTP/1.1 {status}\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    drop(to.write_all(head.as_bytes()).and_then(|()| to.write_all(body)));
}

/// The repositories. `night` alone is well, with the component it is given.
pub struct Counterfeit {
    server: Server,
    night: Vec<u8>,
    /// What was sent in `Authorization`, request by request.
    pub told: Arc<Mutex<Vec<Option<String>>>>,
}

const LAYER: &[u8] = &[7; 1000];

impl Counterfeit {
    pub fn with(night: Vec<u8>) -> Counterfeit {
        let told = Arc::new(Mutex::new(Vec::new()));
        let (component, notes) = (night.clone(), told.clone());
        let server = Server::answering(move |request, to| {
            notes.lock().unwrap().push(request.authorization.clone());
            let mut path =
                request.line.split(' ').nth(1).unwrap_or_default().trim_start_matches("/v2/").split('/');
            let (name, what) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
            answer(name, what, &component, to);
        });
        Counterfeit { server, night, told }
    }

    pub fn address(&self) -> &str {
        &self.server.address
    }

    /// A repository by the digest of what it ought to give.
    pub fn reference(&self, name: &str) -> String {
        let digest = sha256(manifest(name, &self.night).to_string().as_bytes());
        format!("oci://{}/{name}@{digest}", self.server.address)
    }

    /// `text` with every `oci://registry.example.org/NAME…` in it made into one that leads here, with the
    /// right digest where it has one.
    pub fn instead_of_the_example(&self, text: &str) -> String {
        const EXAMPLE: &str = "oci://registry.example.org/";
        let mut parts = text.split(EXAMPLE);
        let mut here = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| c == '"' || c.is_whitespace()).unwrap_or(part.len());
            let (written, after) = part.split_at(end);
            let name = written.split([':', '@']).next().unwrap_or_default();
            here += &match written.contains("@sha256:") {
                true => self.reference(name) + after,
                false => format!("oci://{}/{part}", self.server.address),
            };
        }
        here
    }
}

/// As manifests name what they hold.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn manifest(name: &str, night: &[u8]) -> Json {
    let wasm = if name == "night" { night } else { LAYER };
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.wasm.config.v0+json", "digest": sha256(b"{}"), "size": 2 },
        "layers": [{ "mediaType": "application/wasm", "digest": sha256(wasm), "size": wasm.len() }],
        // Each repository has its own.
        "annotations": { "name": name },
    });
    match name {
        "image" => manifest["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json"),
        "platforms" => manifest = json!({ "schemaVersion": 2, "manifests": [] }),
        "enormous" => manifest["layers"][0]["size"] = json!(1_u64 << 40),
        _ => {}
    }
    manifest
}

fn answer(name: &str, what: &str, night: &[u8], to: &mut TcpStream) {
    let manifest = manifest(name, night).to_string();
    match (what, name) {
        (_, "busy") => write(to, "503 Service Unavailable", "", b""),
        (_, "locked") => write(to, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"plugins\"\r\n", b""),
        (_, "riddle") => write(to, "401 Unauthorized", "WWW-Authenticate: Negotiate\r\n", b""),
        // To a service that is not on this machine and has no TLS: nothing may be sent there.
        (_, "trap") => {
            write(
                to,
                "401 Unauthorized",
                "WWW-Authenticate: Bearer realm=\"http://192.0.2.1/token\"\r\n",
                b"",
            );
        }
        (_, "hung-up") => {}
        (_, "no-http") => drop(to.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")),
        (_, "web-page") => {
            write(to, "200 OK", "Content-Type: text/html\r\n", b"<html><h1>Welcome</h1></html>")
        }
        (_, "gone") => write(to, "404 Not Found", "", b"{}"),
        ("manifests", "other-manifest") => write(to, "200 OK", "", manifest.replace("2,", "2 ,").as_bytes()),
        ("manifests", "no-end") => endless(to),
        ("manifests", _) => write(to, "200 OK", "", manifest.as_bytes()),
        (_, "half") => write(to, "404 Not Found", "", b""),
        (_, "endless") => endless(to),
        (_, "cut-off") => drop(to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n12345")),
        (_, "short") => write(to, "200 OK", "", &LAYER[..500]),
        (_, "other-layer") => write(to, "200 OK", "", &[8; 1000]),
        _ => write(to, "200 OK", "", night),
    }
}

/// Sends until the other end has had enough.
fn endless(to: &mut TcpStream) {
    let head = to.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    let mut going_on = head.is_ok();
    while going_on {
        going_on = to.write_all(&[b' '; 64 << 10]).is_ok();
    }
}
