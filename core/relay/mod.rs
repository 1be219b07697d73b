//! One encoded stream to many viewers over WebRTC, without encoding again, and streams that others
//! publish to us. The only folder that knows the `rtc` stack; no type of it crosses [`Hub`].
//!
//! # Reading order: one picture's way out
//!
//! 1. `kind`: the node gets an access unit and gives it to its `feed`, which has it cut into RTP
//!    payloads once for all viewers (`packetizer`, `nal`) and leaves it in the `mailbox`.
//! 2. `thread`, the one relay thread, hands it to the pure core, `fanout`.
//! 3. `stream` keeps its packets (`history`), and every `viewer` in step is sent it: only sequence
//!    number (`sequencer`), SSRC, header extensions and encryption (`peer`) are its own.
//! 4. `sockets` carries what waits in the viewers' outboxes away, a run of datagrams at a time; `tcp`, in
//!    `frames`, to viewers whose network lets no UDP through, and to servers where ours does not. Where only
//!    this machine is served, `here` tells what comes from it.
//!
//! And one viewer's way in: `hub` reads the `offer`, makes the `answer` on the HTTP side, and
//! leaves the new viewer in the mailbox; what follows an offer (candidates, or another way when the
//! viewer's network changed: `peer/path`) comes by `hub/trickle`. Its datagrams find it by `demux`, which
//! gives `strangers` little; those that come before the stack can use them wait in `early`. What it
//! reports (`feedback`) becomes retransmissions, or a need that `gate` merges with others' into a wish for
//! a keyframe; how much it loses bears on the bitrate by the rule of `follow`. Whether anybody watches at all
//! is `demand`'s business: a stream that is made on demand sleeps until the first viewer comes. When a `crowd`
//! has left, its memory goes back to the system. A server that a stream is published to (`push`) is a viewer
//! that we invite. What is published to us comes in by `ingest`, through the same offers, addresses and
//! `connection`s.
//!
//! # Rules
//!
//! The core has no sockets and reads no clock: `now` is handed in, datagrams come in and go out.
//! A slow viewer is dropped to the next keyframe; it slows nobody. Everything that waits is
//! bounded. Everything from the network is untrusted, and a fault while working for one session
//! ends that session alone.

mod addresses;
mod agenda;
mod answer;
mod bundle;
mod candidate;
mod connection;
mod crowd;
mod demand;
mod demux;
mod detections;
mod directory;
mod early;
mod fanout;
mod far;
mod feed;
mod feedback;
mod figures;
mod follow;
mod fragment;
mod frames;
mod gate;
mod here;
mod history;
mod hub;
mod ingest;
mod kind;
mod mailbox;
mod meter;
mod ntp;
mod offer;
mod packetizer;
mod peer;
mod profile;
mod push;
mod refusal;
mod repairs;
mod sequencer;
mod sockets;
mod strangers;
mod stream;
mod stun;
mod tcp;
#[cfg(test)]
mod tests;
mod thread;
mod viewer;
mod waiting;

pub use far::Transport;
pub use figures::{SessionStats, Tables, Totals};
pub use hub::{Answer, Closed, Hub, Network, Trickled};
pub use ingest::Kind as WhipKind;
pub use kind::Kind;
pub use push::Kind as PushKind;
pub use refusal::Refusal;
pub use sockets::OpenError;
pub use stream::StreamStats;

/// What a log filter should hold for the WebRTC stack: below `error` it writes a line for every
/// datagram that strangers send.
pub const LOG_DIRECTIVES: [&str; 8] = [
    "rtc=error",
    "rtc_dtls=error",
    "rtc_ice=error",
    "rtc_interceptor=error",
    "rtc_sctp=error",
    "rtc_shared=error",
    "rtc_srtp=error",
    "rtc_stun=error",
];
