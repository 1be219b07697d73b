//! The core joined to viewers by a network in memory: no sockets, no sleeps, time is made up.
//!
//! `world` holds it all together, `network` loses and delays datagrams by seed. An `end` has the WebRTC
//! stack as a browser would: a `watcher` is a viewer, a `guest` a publisher. A `taker` is a relay that is
//! published to. Each scenario below is a promise of the relay.

mod answers;
mod client;
pub mod depacketizer;
mod end;
mod guest;
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
