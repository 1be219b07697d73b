//! One viewer of many: connects as a browser does, and from then on only looks at what comes.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::arrival;
use crate::support::watcher::{Watcher, is_media, wait};

/// The first packet of a picture, at one viewer.
pub struct Seen {
    /// By its RTP time, which is the same for all viewers.
    pub picture: u32,
    /// On the kernel's clock.
    pub at: Duration,
}

pub struct Viewer {
    watcher: Watcher,
    last: Option<u32>,
}

impl Viewer {
    /// Joins by WHEP.
    pub fn join(endpoint: &str) -> Result<Viewer, String> {
        let mut watcher = Watcher::new().map_err(|error| error.to_string())?;
        arrival::tell_times(&watcher.socket).map_err(|error| error.to_string())?;
        let offer = watcher.offer();
        let mut answer = ureq::post(endpoint)
            .header("Content-Type", "application/sdp")
            .send(offer)
            .map_err(|error| error.to_string())?;
        watcher.accept(&answer.body_mut().read_to_string().map_err(|error| error.to_string())?);
        Ok(Viewer { watcher, last: None })
    }

    pub fn is_served(&self) -> bool {
        self.last.is_some()
    }

    /// Takes in what has come and does what is due.
    fn turn(&mut self, now: Instant, seen: &mut dyn FnMut(Seen)) {
        let mut buffer = [0; 2048];
        let mut fed = false;
        while let Some((length, from, at)) = arrival::receive(&self.watcher.socket, &mut buffer) {
            let bytes = &buffer[..length];
            match media_time(bytes) {
                Some(picture) if self.last != Some(picture) => {
                    self.last = Some(picture);
                    seen(Seen { picture, at });
                }
                Some(_) => {}
                None => {
                    fed = true;
                    self.watcher.feed(now, from, bytes);
                }
            }
        }
        if fed || self.watcher.is_due(now) {
            self.watcher.settle(now);
        }
    }
}

/// Waits until something comes for one of them, at most `most`, and takes it in.
pub fn turn(viewers: &mut [Viewer], most: Duration, seen: &mut dyn FnMut(Seen)) {
    let now = Instant::now();
    let due = viewers.iter().filter_map(|viewer| viewer.watcher.deadline).min();
    let rest = due.map_or(most, |due| due.saturating_duration_since(now).min(most));
    let sockets: Vec<&UdpSocket> = viewers.iter().map(|viewer| &viewer.watcher.socket).collect();
    let came = wait(&sockets, rest);
    let now = Instant::now();
    for (viewer, came) in viewers.iter_mut().zip(came) {
        if came || viewer.watcher.is_due(now) {
            viewer.turn(now, seen);
        }
    }
}

/// The RTP time of a media packet.
fn media_time(bytes: &[u8]) -> Option<u32> {
    let [_, _, _, _, a, b, c, d, ..] = bytes else { return None };
    is_media(bytes).then(|| u32::from_be_bytes([*a, *b, *c, *d]))
}
