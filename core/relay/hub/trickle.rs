//! What comes of a session after its offer: more candidates, or another way to it (ICE restart, RFC 9725
//! §4.3.2 and §4.3.3).

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Hub, lock, tag};
use crate::relay::answer::random_text;
use crate::relay::directory::Session;
use crate::relay::fragment::{Credentials, Fragment, matches_tag};
use crate::relay::mailbox::Command;
use crate::relay::peer::Path;
use crate::relay::refusal::Refusal;

/// What a fragment was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trickled {
    /// Candidates, which were taken.
    Candidates,
    /// Another ICE session, which was begun.
    Restarted {
        /// Our side of it, as a fragment.
        fragment: String,
        /// The entity tag of the new ICE session, in quotes as HTTP has it.
        etag: String,
    },
}

impl Hub {
    /// Takes a fragment that comes after the offer of a session with `node`. `if_match` is the header's
    /// value. `may_restart` is asked when the fragment would begin another ICE session, which costs as much
    /// as an offer and sends checks to as many addresses.
    ///
    /// # Errors
    /// When there is no such session, the tag is not its own, the fragment cannot be used, or a restart is
    /// asked for before the session is connected; the session goes on untouched.
    pub fn trickle(
        &self,
        node: &str,
        session: &str,
        if_match: &str,
        fragment: &str,
        may_restart: impl FnOnce() -> bool,
    ) -> Result<Trickled, Refusal> {
        let known = lock(&self.0.directory).session(node, session).cloned().ok_or(Refusal::NoSuchSession)?;
        if !matches_tag(if_match, &known.tag) {
            return Err(Refusal::StaleTag);
        }
        let fragment = Fragment::read(fragment)?;
        if fragment.user.is_some() && fragment.user != known.user {
            return self.restart(session, &known, &fragment, may_restart);
        }
        let candidates = fragment.candidates;
        self.leave(Command::Candidates { session: session.to_owned(), candidates })?;
        Ok(Trickled::Candidates)
    }

    fn restart(
        &self,
        session: &str,
        known: &Session,
        fragment: &Fragment,
        may_restart: impl FnOnce() -> bool,
    ) -> Result<Trickled, Refusal> {
        let theirs = fragment.credentials()?;
        // The stack must have a way of its own before another can take its place.
        if !known.connected.load(Ordering::Relaxed) {
            let why = "it is not connected; try again once it is, or end it and make a new offer";
            return Err(Refusal::CannotRestart(why.to_owned()));
        }
        if !may_restart() {
            return Err(Refusal::TooOften);
        }
        let ours = Credentials { user: random_text(16), password: random_text(32) };
        let (_, reach) = self.way_out()?;
        let path = Path::seek(Instant::now(), &ours, &theirs, &reach);
        let mut path = path.map_err(|error| Refusal::CannotRestart(error.to_string()))?;
        fragment.candidates.iter().for_each(|candidate| path.candidate(candidate));
        // In one step: of two restarts under one tag the second is told that it was overtaken.
        let mut directory = lock(&self.0.directory);
        let present = directory.session(&known.stream, session).ok_or(Refusal::NoSuchSession)?;
        if present.tag != known.tag {
            return Err(Refusal::StaleTag);
        }
        self.leave(Command::Restart { session: session.to_owned(), path: Box::new(path) })?;
        let etag = tag();
        directory.renew(session, etag.clone(), theirs.user);
        Ok(Trickled::Restarted { fragment: fragment.answer(&ours, &reach), etag })
    }
}
