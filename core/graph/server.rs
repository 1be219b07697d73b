//! The `server:` section: its table of settings, and the plan's server read by it.

use std::net::SocketAddr;

use serde_json::Value as Json;

use super::plan::Server;
use super::settings::{Reader, Table};
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
        "The UDP port that carries all viewers' media; 0 takes any free one",
    ),
    Setting::with_default(
        "additional_hosts",
        Takes::List(&Takes::Text),
        "[]",
        "Addresses or names, besides the machine's own, that viewers may reach this machine by",
    ),
    Setting::with_default(
        "allow_origins",
        Takes::List(&Takes::Text),
        "[]",
        "Web origins that may use the WHEP endpoints from their own pages; `*` lets every page that is open in a viewer's browser watch",
    ),
];

/// Reads the section. `None`: something was wrong and has been reported.
pub(super) fn read(reader: &mut Reader<'_>, section: Option<&Json>) -> Option<Server> {
    let path = Path::root().key("server");
    let mut given = reader.mapping(section, "server", &path)?.clone();
    // A port alone looks like a number.
    if let Some(port @ Json::Number(_)) = given.get("listen") {
        let port = Json::String(port.to_string());
        given.insert("listen".to_owned(), port);
    }
    let table = Table { settings: SERVER, others: &[], open: false, of: "\"server\"" };
    let settings = reader.table(&table, &given, &path)?;
    Some(Server {
        listen: listen(reader, &settings, &path)?,
        udp_port: u16::try_from(settings.integer("udp_port")).unwrap_or(0),
        additional_hosts: texts(&settings, "additional_hosts"),
        allow_origins: texts(&settings, "allow_origins"),
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
}
