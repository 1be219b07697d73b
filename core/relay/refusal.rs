//! Why the relay turned a request down. Plain values: `serve` decides which status each becomes.

use std::fmt;
use std::time::Duration;

/// Why an offer, a fragment or a session was turned down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No node that this protocol leads to has this id.
    NoSuchStream(String),
    /// The relay is there, but no picture has come to it yet, or none for a while.
    NotLive { stream: String, retry_after: Duration },
    /// `max_viewers` are watching.
    Full { stream: String, most: usize, retry_after: Duration },
    /// Somebody publishes there already.
    Taken { entrance: String, retry_after: Duration },
    /// The offer holds no H.264 that will do; says what it lacks.
    NoH264(String),
    /// The offer cannot be read, or its video goes the wrong way.
    BadSdp(String),
    /// The session never was or has ended.
    NoSuchSession,
    /// The entity tag is not that of the session's present ICE session.
    StaleTag,
    /// The trickle fragment cannot be read.
    BadFragment(String),
    /// ICE cannot be restarted, and why; the running session goes on untouched.
    CannotRestart(String),
    /// The caller has begun as many ICE sessions as it may for now.
    TooOften,
    /// The network is not open: the server has not started, or has stopped.
    NotOpen { retry_after: Duration },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoSuchStream(stream) => write!(f, "there is nothing called \"{stream}\" here"),
            Refusal::NotLive { stream, .. } => {
                write!(f, "no picture comes to \"{stream}\" at the moment; try again shortly")
            }
            Refusal::Full { stream, most, .. } => {
                write!(f, "\"{stream}\" already has its {most} viewers; raise max_viewers or try again later")
            }
            Refusal::Taken { entrance, .. } => {
                write!(f, "somebody publishes to \"{entrance}\" already; try again once they have left")
            }
            Refusal::NoH264(why) => write!(f, "the offer has no H.264 that can be used here: {why}"),
            Refusal::BadSdp(why) => write!(f, "the offer cannot be used: {why}"),
            Refusal::NoSuchSession => f.write_str("there is no such session; it may have ended"),
            Refusal::StaleTag => f.write_str("the entity tag is not that of the present ICE session"),
            Refusal::BadFragment(why) => write!(f, "the trickle fragment cannot be used: {why}"),
            Refusal::CannotRestart(why) => {
                write!(f, "ICE cannot be restarted, and the session goes on as it is: {why}")
            }
            Refusal::TooOften => f.write_str("ICE was restarted too often; the session goes on as it is"),
            Refusal::NotOpen { .. } => f.write_str("the relay's network is not open"),
        }
    }
}

impl std::error::Error for Refusal {}
