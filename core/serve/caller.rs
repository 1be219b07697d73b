//! Who is at the other end of a connection: its address, put beside every request it sends.

use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::places::Place;

/// The part of an address that its owner cannot change at will: an IPv6 network has 2^64 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caller(IpAddr);

impl Caller {
    pub fn at(address: IpAddr) -> Caller {
        Caller(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            address => address,
        })
    }
}

/// The routes as one connection sees them.
pub struct Door {
    caller: Caller,
    /// Held as long as the connection is.
    place: Place,
    routes: TowerToHyperService<Router>,
}

impl Door {
    pub fn new(caller: Caller, place: Place, routes: Router) -> Door {
        Door { caller, place, routes: TowerToHyperService::new(routes) }
    }
}

impl Service<Request<Incoming>> for Door {
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Self::Error>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.caller);
        let (answering, answer) = (self.place.answers(), self.routes.call(request));
        Box::pin(async move {
            let _answering = answering;
            answer.await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_caller_and_a_mapped_address_is_itself() {
        let caller = |address: &str| Caller::at(address.parse().unwrap());
        assert_eq!(caller("2001:db8::1"), caller("2001:db8::2:3"));
        assert_ne!(caller("2001:db8::1"), caller("2001:db8:0:1::1"));
        assert_eq!(caller("::ffff:192.0.2.1"), caller("192.0.2.1"));
        assert_ne!(caller("192.0.2.1"), caller("192.0.2.2"));
    }
}
