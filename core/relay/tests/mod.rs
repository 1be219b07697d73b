//! The core joined to viewers by a network in memory: no sockets, no sleeps, time is made up.

pub mod depacketizer;
