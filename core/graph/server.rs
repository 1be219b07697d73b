//! The `server:` section: its table of settings, and the plan's server read by it.

use std::net::SocketAddr;

use serde_json::Value as Json;

use super::access::{IceServer, Right, Secret, Tls, Token};
use super::plan::Server;
use super::settings::{Reader, Table, nowhere};
use crate::diagnostic::{Diagnostic, Path};
use crate::node::{Setting, Settings, Takes, Value};

/// What `server:` may hold.
pub const SERVER: &[Setting] = &[
    Setting::with_default(
        "listen",
        Takes::Text,
        "127.0.0.1:8080",
        "Address and TCP port of the page, WHEP, metrics and the API; a port alone is for this machine only, port 0 takes any free one",
    ),
    Setting::with_default(
        "udp_port",
        Takes::Integer { least: 0, most: 65_535 },
        "8189",
        "The UDP port that carries all viewers' media; 0 takes any free one, and so does a graph that only publishes elsewhere unless this is written",
    ),
    Setting::with_default(
        "tcp",
        Takes::Bool,
        "true",
        "Takes viewers' media over TCP as well, on the number of `udp_port`, for networks that let no UDP through",
    ),
    Setting::with_default(
        "additional_hosts",
        Takes::List(&Takes::Text),
        "[]",
        "Addresses or names, besides the machine's own, that viewers may reach this machine by; beside a `listen` of 127.0.0.1, for a proxy in front, media comes in at all interfaces then",
    ),
    Setting::with_default(
        "allow_origins",
        Takes::List(&Takes::Text),
        "[]",
        "Web origins that may use the WHEP endpoints from their own pages; `*` lets every page that is open in a viewer's browser watch",
    ),
    Setting::with_default(
        "tokens",
        Takes::List(&Takes::Group(TOKEN)),
        "[]",
        "Bearer tokens and what each lets its bearer do; with none, everybody who can reach the server may watch",
    ),
    Setting::optional(
        "tls",
        Takes::Group(TLS),
        "Serves the page, WHEP and the API over HTTPS; changed files are read again without a restart",
    ),
    Setting::with_default(
        "offers_per_minute",
        Takes::Integer { least: 1, most: 1_000_000 },
        "600",
        "Offers, and requests with a wrong token, that one address may make in a minute",
    ),
    Setting::with_default(
        "interfaces",
        Takes::List(&Takes::Text),
        "[]",
        "Names or addresses of the machine's interfaces that viewers are told to send to, `eth0` or `192.0.2.7`; all when empty",
    ),
    Setting::with_default(
        "ice_servers",
        Takes::List(&Takes::Group(ICE_SERVER)),
        "[]",
        "STUN and TURN servers that viewers are told to use",
    ),
];

const TOKEN: &[Setting] = &[
    Setting::required(
        "token",
        Takes::Text,
        "The secret, at least 16 characters from the environment: `${VIEW_TOKEN}`",
    ),
    Setting::with_default(
        "rights",
        Takes::List(&Takes::Choice(&Right::NAMES)),
        "[\"view\"]",
        "`view` watches and reads the API, `publish` sends a stream in, `admin` may do everything",
    ),
];

const TLS: &[Setting] = &[
    Setting::required(
        "certificate",
        Takes::Path,
        "PEM file: the server's certificate, then those that lead to its root",
    ),
    Setting::required("key", Takes::Path, "PEM file: the certificate's private key"),
];

const ICE_SERVER: &[Setting] = &[
    Setting::required(
        "urls",
        Takes::List(&Takes::Text),
        "Its addresses: `stun:host:port`, `turn:host:port?transport=udp`, `turns:host:port`",
    ),
    Setting::optional("username", Takes::Text, "Who the viewer says it is, for TURN"),
    Setting::optional(
        "credential",
        Takes::Text,
        "The proof of it; every viewer is told: make it short-lived",
    ),
];

/// A token that is shorter can be found by trying.
const SHORTEST_TOKEN: usize = 16;
const ICE_SCHEMES: [&str; 4] = ["stun:", "stuns:", "turn:", "turns:"];

/// Reads the section. `None`: something was wrong and has been reported.
pub(super) fn read(reader: &mut Reader<'_>, section: Option<&Json>) -> Option<Server> {
    let path = Path::root().key("server");
    let mut given = reader.mapping(section, "server", &path)?.clone();
    // A port alone looks like a number.
    if let Some(port @ Json::Number(_)) = given.get("listen") {
        let port = Json::String(port.to_string());
        given.insert("listen".to_owned(), port);
    }
    let table = Table { settings: SERVER, others: &[], open: false, of: "\"server\"", elsewhere: &nowhere };
    let settings = reader.table(&table, &given, &path)?;
    let (tokens, ice_servers) = (tokens(reader, &settings, &path), ice_servers(reader, &settings, &path));
    let tls = settings.try_group("tls").map(|files| Tls {
        certificate: files.path("certificate").to_owned(),
        key: files.path("key").to_owned(),
    });
    let listen = listen(reader, &settings, &path)?;
    let udp_port = u16::try_from(settings.integer("udp_port")).unwrap_or(0);
    let tcp = settings.bool("tcp");
    // Zero is any free port, and no two are the same.
    if tcp && udp_port != 0 && udp_port == listen.port() {
        let at = ["udp_port", "listen"].into_iter().find(|key| given.contains_key(*key)).unwrap_or("tcp");
        let message = format!(
            "\"listen\" and \"udp_port\" both take TCP port {udp_port}, the one for pages, the other for media"
        );
        let finding = Diagnostic::error("same-port", path.key(at), message);
        reader.report(
            finding.help("give each a port of its own, or write `tcp: false` to take media by UDP alone"),
        );
        return None;
    }
    Some(Server {
        asked_for: section.is_some(),
        listen,
        udp_port,
        names_udp_port: given.contains_key("udp_port"),
        tcp,
        additional_hosts: texts(&settings, "additional_hosts"),
        allow_origins: texts(&settings, "allow_origins"),
        tokens: tokens?,
        tls,
        offers_per_minute: u32::try_from(settings.integer("offers_per_minute")).unwrap_or(u32::MAX),
        interfaces: texts(&settings, "interfaces"),
        ice_servers: ice_servers?,
    })
}

fn tokens(reader: &mut Reader<'_>, settings: &Settings, path: &Path) -> Option<Vec<Token>> {
    let path = path.key("tokens");
    let tokens = groups(settings, "tokens").enumerate().map(|(index, given)| {
        let secret = given.text("token");
        let at = path.index(index).key("token");
        let fault = match (reader.origins.is_from_environment(&at), secret.chars().count()) {
            // The value is not shown: it is the secret.
            (false, _) => "must come from the environment, so that the graph can be shown to anybody",
            (true, length) if length < SHORTEST_TOKEN => "must have at least 16 characters",
            (true, _) if !secret.bytes().all(|byte| byte.is_ascii_graphic()) => {
                "must be of printable ASCII without spaces, as a header carries it"
            }
            (true, _) => {
                let rights = given.list("rights").iter().filter_map(right).collect();
                return Some(Token { secret: Secret::new(secret), rights });
            }
        };
        let finding = Diagnostic::error("bad-token", at, format!("\"token\" {fault}"));
        reader.report(
            finding
                .help("write `token: ${VIEW_TOKEN}` and set the variable; `openssl rand -hex 16` makes one"),
        );
        None
    });
    // Every fault is told, not only the first.
    tokens.collect::<Vec<_>>().into_iter().collect()
}

fn right(value: &Value) -> Option<Right> {
    match value {
        Value::Choice(name) => Right::named(name),
        _ => None,
    }
}

fn ice_servers(reader: &mut Reader<'_>, settings: &Settings, path: &Path) -> Option<Vec<IceServer>> {
    let path = path.key("ice_servers");
    let mut sound = true;
    let mut servers = vec![];
    for (index, given) in groups(settings, "ice_servers").enumerate() {
        let (at, urls) = (path.index(index), texts(given, "urls"));
        for (index, url) in urls.iter().enumerate().filter(|(_, url)| !is_ice_url(url)) {
            let message =
                format!("\"urls[{index}]\" must be the address of a STUN or TURN server, got \"{url}\"");
            let finding = Diagnostic::error("wrong-type", at.key("urls").index(index), message);
            reader.report(finding.help("write stun:host:port, turn:host:port or turns:host:port"));
            sound = false;
        }
        let account = (given.try_text("username"), given.try_text("credential"));
        let needs_account = urls.iter().any(|url| url.to_ascii_lowercase().starts_with("turn"));
        let account =
            match account {
                (Some(user), Some(credential)) => Some((user.to_owned(), Secret::new(credential))),
                (None, None) if !needs_account => None,
                _ => {
                    let message = "a TURN server needs both \"username\" and \"credential\"";
                    reader.report(Diagnostic::error("missing-key", at, message).help(
                        "add both, the credential from the environment: `credential: ${TURN_CREDENTIAL}`",
                    ));
                    sound = false;
                    continue;
                }
            };
        servers.push(IceServer { urls, account });
    }
    sound.then_some(servers)
}

/// Goes into a header between angle brackets, so nothing that would end it may be inside.
fn is_ice_url(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"<>\"\\,".contains(&byte);
    ICE_SCHEMES.iter().any(|scheme| lower.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
        && url.bytes().all(is_plain)
}

fn groups<'a>(settings: &'a Settings, name: &str) -> impl Iterator<Item = &'a Settings> {
    settings.list(name).iter().filter_map(|value| match value {
        Value::Group(group) => Some(group),
        _ => None,
    })
}

fn listen(reader: &mut Reader<'_>, settings: &Settings, path: &Path) -> Option<SocketAddr> {
    let written = settings.text("listen");
    let port = written.parse().map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)));
    match port.or_else(|_| written.parse()) {
        Ok(address) => Some(address),
        Err(_) => {
            let message = format!("\"listen\" must be an address and a port, got \"{written}\"");
            let finding = Diagnostic::error("wrong-type", path.key("listen"), message);
            reader.report(finding.help(
                "write 127.0.0.1:8080 for this machine alone, 0.0.0.0:8080 for everyone who can reach it, [::1]:8080 for IPv6",
            ));
            None
        }
    }
}

fn texts(settings: &Settings, name: &str) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    settings.list(name).iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::origins::Origins;

    #[test]
    fn an_empty_section_is_the_default_server() {
        let origins = Origins::default();
        let mut reader = Reader::new(&origins);
        let read = read(&mut reader, None).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", Server::default()));
        assert!(reader.findings.is_empty());
    }

    #[test]
    fn an_ice_server_is_named_by_a_scheme_and_cannot_break_out_of_its_header() {
        for url in ["stun:a.test", "turn:a.test:3478?transport=udp", "TURNS:[::1]:5349"] {
            assert!(is_ice_url(url), "{url}");
        }
        for url in ["a.test", "http://a.test", "stun:", "stun:a>; rel=\"x", "stun:a b", "stun:a\r\nb"] {
            assert!(!is_ice_url(url), "{url}");
        }
    }
}
