//! The core joined to viewers by a network in memory: no sockets, no sleeps, time is made up.
//!
//! `world` holds it all together, `network` loses and delays datagrams by seed, `watcher` is a
//! viewer as a browser would be one, `taker` a relay that is published to. Each scenario below is a promise of the relay.

mod answers;
mod client;
pub mod depacketizer;
mod hostile;
mod loopback;
mod loss;
mod network;
mod published;
mod push;
mod roaming;
mod scenarios;
mod taker;
mod tcp;
mod watcher;
mod world;
