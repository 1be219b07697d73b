//! Which addresses viewers are told to try.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::answer::Reach;
use super::sockets::OpenError;

/// Addresses of one name that are told; a name with more is a service, not this machine.
const MOST_OF_A_NAME: usize = 8;

/// What viewers can reach `bound` sockets by now: through any interface, or through those that
/// `only` names or gives an address of. An interface that came up since the start is among them, so
/// this is asked anew for each viewer.
pub fn reach(bound: &[SocketAddr], also: &[IpAddr], only: &[String]) -> Reach {
    let port = bound.first().map_or(0, SocketAddr::port);
    let mut own: Vec<SocketAddr> = vec![];
    for socket in bound {
        match socket.ip().is_unspecified() {
            false => own.push(*socket),
            true => own.extend(
                interfaces()
                    .filter(|(name, ip)| is_wanted(only, name, ip))
                    .map(|(_, ip)| ip)
                    .filter(|ip| ip.is_ipv4() == socket.is_ipv4())
                    .map(|ip| SocketAddr::new(ip, socket.port())),
            ),
        }
    }
    own.sort_by_key(|address| address.ip().is_loopback());
    own.dedup();
    let also = also.iter().map(|ip| SocketAddr::new(*ip, port)).filter(|one| !own.contains(one)).collect();
    Reach { own, also, ..Reach::default() }
}

/// Every address that viewers can be told, with the name of its interface.
pub fn interfaces() -> impl Iterator<Item = (String, IpAddr)> {
    let found = rtc::shared::ifaces::ifaces().unwrap_or_default();
    found
        .into_iter()
        .filter_map(|interface| Some((interface.name, interface.addr?.ip())))
        .filter(|(_, ip)| can_be_told(ip))
}

fn is_wanted(only: &[String], name: &str, ip: &IpAddr) -> bool {
    only.is_empty() || only.iter().any(|one| one == name || one.parse() == Ok(*ip))
}

/// Makes sure that each of `only` is there; a slip would leave viewers without a way.
///
/// # Errors
/// The first that names nothing, with what there is.
pub fn check(only: &[String]) -> Result<(), OpenError> {
    let all: Vec<(String, IpAddr)> = interfaces().collect();
    let is_there = |one: &&String| all.iter().any(|(name, ip)| is_wanted(&[(*one).clone()], name, ip));
    let Some(missing) = only.iter().find(|one| !is_there(one)) else { return Ok(()) };
    let there: Vec<String> = all.iter().map(|(name, ip)| format!("{name} ({ip})")).collect();
    Err(OpenError::new(
        format!("server.interfaces: this machine has no \"{missing}\"; it has {}", there.join(", ")),
        io::Error::from(io::ErrorKind::NotFound),
    ))
}

/// A link-local IPv6 address means nothing without its interface, which a candidate cannot name.
fn can_be_told(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local() && !ip.is_unspecified(),
    }
}

/// The addresses of `additional_hosts`: addresses as they are, names looked up once.
///
/// # Errors
/// When a name has no address.
pub fn resolve(hosts: &[String]) -> Result<Vec<IpAddr>, OpenError> {
    let mut all = vec![];
    for host in hosts {
        match host.parse::<IpAddr>() {
            Ok(ip) => all.push(ip),
            Err(_) => all.extend(look_up(host)?),
        }
    }
    Ok(all)
}

fn look_up(host: &str) -> Result<Vec<IpAddr>, OpenError> {
    let fault = |source| OpenError::new(format!("server.additional_hosts: cannot find \"{host}\""), source);
    let found: Vec<IpAddr> = (host, 0)
        .to_socket_addrs()
        .map_err(fault)?
        .map(|address| address.ip())
        .take(MOST_OF_A_NAME)
        .collect();
    match found.is_empty() {
        true => Err(fault(io::Error::from(io::ErrorKind::NotFound))),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_bound_address_is_told_as_it_is_and_all_addresses_one_by_one() {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 8189));
        let public = IpAddr::from([203, 0, 113, 7]);
        let told = reach(&[loopback], &[public], &[]);
        assert_eq!(told.own, [loopback]);
        assert_eq!(told.also, [SocketAddr::new(public, 8189)]);
        let all = reach(&[SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 8189)], &[], &[]);
        assert!(all.own.contains(&loopback), "{all:?}");
        assert!(all.own.iter().all(|address| address.port() == 8189 && !address.ip().is_unspecified()));
    }

    #[test]
    fn only_the_interfaces_that_are_named_are_told() {
        let all = [SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 8189)];
        for only in ["lo", "127.0.0.1"] {
            let told = reach(&all, &[], &[only.to_owned()]);
            assert_eq!(told.own, [SocketAddr::from(([127, 0, 0, 1], 8189))], "{only}");
            assert!(check(&[only.to_owned()]).is_ok());
        }
        let error = check(&["lo".into(), "eth77".into()]).unwrap_err().to_string();
        assert!(
            error.contains("server.interfaces") && error.contains("eth77") && error.contains("lo ("),
            "{error}"
        );
    }

    #[test]
    fn a_name_without_an_address_is_told_by_its_setting() {
        let error = resolve(&["192.0.2.1".into(), "no.such.name.invalid".into()]).unwrap_err().to_string();
        assert!(error.contains("additional_hosts") && error.contains("no.such.name.invalid"), "{error}");
    }
}
