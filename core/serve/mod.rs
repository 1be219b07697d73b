//! HTTP: the door viewers and publishers come in by, the page they see, and what the graph says about itself.
//!
//! Owns the routes ([`signalling`], [`page`], [`api`], [`metrics`], `reload`), who may call them (`guard`, `access`,
//! `limit`, `places`, `cors`), TLS and the one thread with an async runtime that answers. Reads the graph through
//! [`Watch`](crate::run::Watch) and hands sessions to the relay's [`Hub`](crate::relay::Hub);
//! knows no pixel and no packet. The only folder that names axum.

mod access;
mod api;
mod caller;
mod cors;
mod guard;
mod limit;
mod metrics;
mod names;
mod page;
mod places;
mod problem;
mod reload;
mod routes;
mod server;
mod signalling;
mod tls;

pub use reload::{Reload, Reloaded};
pub use server::{Server, start};
