//! By which names this server may be called.
//!
//! A web page can point a name of its own at 127.0.0.1 and is then, to the browser, of the same
//! origin as this server (DNS rebinding). So a server that listens on this machine only answers to
//! addresses, to `localhost`, and to the names the graph lists. One that listens for others answers
//! to any: it said goodbye to that protection with the address, and is told so when it starts.

use std::net::{IpAddr, SocketAddr};

/// The names that are answered to.
#[derive(Debug)]
pub enum Names {
    Any,
    /// Besides addresses and `localhost`; in small letters.
    These(Vec<String>),
}

impl Names {
    /// For a server on `listen` whose graph lists `additional` hosts.
    pub fn new(listen: SocketAddr, additional: &[String]) -> Names {
        match listen.ip().is_loopback() {
            true => Names::These(additional.iter().map(|host| host.to_ascii_lowercase()).collect()),
            false => Names::Any,
        }
    }

    /// Whether a request with this `Host` (a name or address, perhaps with a port) is answered.
    pub fn answer_to(&self, host: &str) -> bool {
        let Names::These(these) = self else { return true };
        let name = without_port(host).to_ascii_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || these.contains(&name)
    }
}

/// `[::1]:8080` as `[::1]`, `door.lan:8080` as `door.lan`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => {
            match name.contains(':') && !name.ends_with(']') {
                // An address with colons of its own and no port.
                true => host,
                false => name,
            }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(listen: &str) -> Names {
        Names::new(listen.parse().unwrap(), &["Door.lan".to_owned()])
    }

    #[test]
    fn a_server_of_this_machine_answers_to_no_name_that_others_can_make() {
        let names = names("127.0.0.1:8080");
        for host in
            ["127.0.0.1:8080", "127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:8080", "door.lan:80"]
        {
            assert!(names.answer_to(host), "{host}");
        }
        for host in
            ["evil.test", "evil.test:8080", "localhost.evil.test", "127.0.0.1.evil.test:8080", "", ":80"]
        {
            assert!(!names.answer_to(host), "{host}");
        }
    }

    #[test]
    fn a_server_for_others_answers_to_any() {
        assert!(names("0.0.0.0:8080").answer_to("evil.test"));
    }
}
