//! A new way to the other end of a connection that goes on: ICE restarted (RFC 8445 §9).
//!
//! The stack restarts ICE by forgetting the way it has: the picture would stand still until there is a
//! new one, and for ever if none is found. So an ICE agent beside the stack looks for the new way while
//! the old one is used. Once it is found, the stack is left in the belief that nothing has happened:
//! what it sends is redirected, and its own checks are answered here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use rtc::crypto::default_provider;
use rtc::ice::agent::agent_config::AgentConfig;
use rtc::ice::agent::{Agent, Event};
use rtc::ice::candidate::unmarshal_candidate;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::ice::state::ConnectionState;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_SUCCESS, Message, TransactionId};
use rtc::stun::xoraddr::XorMappedAddress;

use super::{DOUBT, Datagram, GIVE_UP, Happening, KEEP_ALIVE, Peer, State, Why, tagged};
use crate::relay::answer::Reach;
use crate::relay::candidate;
use crate::relay::early::{Early, Inbound};
use crate::relay::far::Far;
use crate::relay::fragment::Credentials;
use crate::relay::stun::{Class, Stun, Transaction};

/// How far a way has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// It is being looked for.
    Sought,
    /// The other end has chosen it.
    Found,
    /// Nothing is heard on it.
    Lost,
}

/// One ICE session beside the stack's own.
pub struct Path {
    agent: Agent,
    early: Early,
    fragment: String,
    progress: Progress,
    /// Our address and the other's, once it is found.
    ends: Option<(SocketAddr, Far)>,
    candidates: usize,
}

impl Path {
    /// Begins to look for a way from one of our own addresses to where the other end can be reached.
    ///
    /// # Errors
    /// What the stack said of addresses or credentials.
    pub fn seek(
        now: Instant,
        ours: &Credentials,
        theirs: &Credentials,
        reach: &Reach,
    ) -> Result<Path, Error> {
        let provider = default_provider().map_err(|error| Error::Other(error.to_string()))?;
        let config = AgentConfig {
            local_ufrag: ours.user.clone(),
            local_pwd: ours.password.clone(),
            multicast_dns_mode: MulticastDnsMode::Disabled,
            disconnected_timeout: Some(DOUBT),
            failed_timeout: Some(GIVE_UP),
            keepalive_interval: Some(KEEP_ALIVE),
            ..AgentConfig::default()
        };
        let mut agent = Agent::new(now, Arc::new(config), provider)?;
        for candidate in reach.own_candidates() {
            agent.add_local_candidate(unmarshal_candidate(&candidate)?)?;
        }
        // Whoever offered controls, and it is the other who did (RFC 8445 §6.1.1).
        agent.start_connectivity_checks(now, false, theirs.user.clone(), theirs.password.clone())?;
        Ok(Path {
            agent,
            early: Early::default(),
            fragment: ours.user.clone(),
            progress: Progress::Sought,
            ends: None,
            candidates: 0,
        })
    }

    /// Our user name fragment on it.
    pub fn fragment(&self) -> &str {
        &self.fragment
    }

    /// Adds a candidate of the other end, as in `a=candidate:`; one that cannot be used is passed over.
    pub fn candidate(&mut self, candidate: &str) {
        self.candidates += 1;
        if self.candidates <= candidate::MOST
            && candidate::is_usable(candidate)
            && let Ok(candidate) = unmarshal_candidate(candidate)
        {
            // As good as one that does not answer.
            let _ = self.agent.add_remote_candidate(candidate);
        }
    }

    /// Takes a STUN message; one of another session is passed over.
    pub fn receive(&mut self, now: Instant, inbound: Inbound) {
        for due in self.early.turn(inbound) {
            self.feed(now, due);
        }
    }

    pub fn timeout(&mut self, now: Instant) {
        if self.agent.handle_timeout(now).is_err() {
            self.progress = Progress::Lost;
        }
    }

    pub fn deadline(&mut self) -> Option<Instant> {
        self.agent.poll_timeout()
    }

    /// Takes out the checks, and answers to checks, that are ready.
    pub fn datagrams(&mut self, mut send: impl FnMut(Datagram)) {
        while let Some(out) = self.agent.poll_write() {
            send(Datagram::of(out));
        }
    }

    fn progress(&mut self) -> Progress {
        while let Some(tagged) = self.agent.poll_event() {
            match tagged.event {
                Event::SelectedCandidatePairChange(local, remote) => {
                    let protocol = local.network_type().to_protocol().into();
                    self.ends = Some((local.base_addr(), Far { protocol, address: remote.addr() }));
                    self.progress = Progress::Found;
                }
                Event::ConnectionStateChange(ConnectionState::Failed) => self.progress = Progress::Lost,
                _ => {}
            }
        }
        self.progress
    }

    /// `datagram`, sent by this way.
    fn redirect(&self, datagram: Datagram) -> Datagram {
        match self.ends {
            Some((from, Far { protocol, address: to })) => Datagram { from, to, protocol, ..datagram },
            None => datagram,
        }
    }

    fn feed(&mut self, now: Instant, inbound: Inbound) {
        // What it cannot use it says so of, and nobody wants to hear it.
        let _ = self.agent.handle_read(tagged(now, inbound));
    }
}

impl Peer {
    /// Looks for another way to the other end; the one in use is used until it is found.
    pub fn restart(&mut self, path: Path) {
        self.sought = Some(path);
        self.renamed = true;
    }

    /// Takes to the way that was sought, if it is found; a search that failed leaves everything as it was.
    pub(super) fn choose_path(&mut self, happened: &mut impl FnMut(Happening)) {
        if self.path.as_mut().is_some_and(|path| path.progress() == Progress::Lost) {
            happened(Happening::Gone(Why::Lost));
        }
        match self.sought.as_mut().map_or(Progress::Sought, Path::progress) {
            Progress::Sought => return,
            Progress::Lost => self.sought = None,
            Progress::Found => {
                // Without a way of its own the stack could not be left to believe that it has one.
                let password = self.password_of_other().filter(|_| self.state == State::Connected);
                let Some(password) = password else { return };
                (self.path, self.password) = (self.sought.take(), password);
            }
        }
        self.renamed = true;
    }

    /// Redirects what the stack sends, and answers its own checks for the other end.
    pub(super) fn detour(&mut self, now: Instant, datagram: Datagram) -> Option<Datagram> {
        let Some(path) = &self.path else { return Some(datagram) };
        let Some(stun) = Stun::read(&datagram.bytes) else { return Some(path.redirect(datagram)) };
        if stun.class == Class::Request
            && let Some(granted) = granted(stun.transaction, &datagram, &self.password)
        {
            self.feed(now, granted);
        }
        None
    }

    /// What it proves itself with in the ICE session that the stack knows of.
    fn password_of_other(&mut self) -> Option<String> {
        let theirs = self.ask_transport(|dtls| dtls.ice_transport().get_remote_parameters())??;
        Some(theirs.password)
    }
}

/// The answer to the check `transaction` of `asked`, as the other end would give it, whose password is
/// `password`.
fn granted(transaction: Transaction, asked: &Datagram, password: &str) -> Option<Inbound> {
    let provider = default_provider().ok()?;
    let mut message = Message::new();
    message
        .build(&[
            Box::new(BINDING_SUCCESS),
            Box::new(TransactionId(transaction)),
            Box::new(XorMappedAddress { ip: asked.from.ip(), port: asked.from.port() }),
            Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                password.to_owned(),
                provider.crypto(),
            )),
            Box::new(FINGERPRINT),
        ])
        .ok()?;
    let bytes = BytesMut::from(&message.raw[..]);
    Some(Inbound { to: asked.from, from: asked.to, protocol: asked.protocol, bytes })
}
