//! The relay thread: feeds the pure core with datagrams, commands and time, and carries away what
//! it gives.

use std::time::Instant;

use super::crowd::{Crowd, give_back};
use super::fanout::{Ended, Fanout, How};
use super::mailbox::{Command, Mailbox};
use super::peer::Why;
use super::sockets::Sockets;
use super::waiting::wait;

/// Whether the thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    On,
    Stop,
}

/// Runs until [`Command::Stop`]. `ended` hears of every session that ends.
pub fn run(mut sockets: Sockets, mailbox: Mailbox, ended: impl Fn(&Ended)) {
    let (mut fanout, mut crowd) = (Fanout::new(), Crowd::default());
    // However this ends, nobody may go on leaving things for a thread that is gone.
    let _closing = Closing(&mailbox);
    loop {
        let deadline = [fanout.deadline(), sockets.deadline()].into_iter().flatten().min();
        let timeout = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let ready = wait(&sockets.interests(), mailbox.waker(), timeout);
        let now = Instant::now();
        sockets.admit(now, &ready, |far| fanout.knows(far));
        sockets.receive(&ready, |inbound| fanout.receive(now, inbound));
        let mut next = Next::On;
        for command in mailbox.empty() {
            next = obey(&mut fanout, &sockets, now, command);
            if next == Next::Stop {
                break;
            }
        }
        fanout.tick(now);
        fanout.send(&mut sockets);
        sockets.lost().into_iter().for_each(|far| fanout.unreachable(far));
        for one in fanout.ended() {
            tell(&one);
            ended(&one);
        }
        if crowd.has_left(fanout.connections()) {
            give_back();
        }
        if next == Next::Stop {
            return;
        }
    }
}

struct Closing<'a>(&'a Mailbox);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn obey(fanout: &mut Fanout, sockets: &Sockets, now: Instant, command: Command) -> Next {
    match command {
        Command::Open(id, stream) => fanout.open(id, *stream),
        Command::End(id) => fanout.end(id),
        Command::Push(id, cut, ticket) => {
            drop(ticket);
            fanout.push(now, id, *cut);
        }
        Command::Asked(id) => fanout.asked(now, id),
        Command::Add(viewer) => fanout.add(now, *viewer),
        Command::Admit(publisher) => fanout.admit(now, *publisher),
        Command::NeedKeyframe(entrance) => fanout.need_keyframe(now, entrance),
        Command::Close { session } => fanout.close(&session),
        Command::Candidates { session, candidates } => fanout.candidates(now, &session, &candidates),
        Command::Restart { session, path } => fanout.restart(now, &session, *path),
        // Whoever asked may have given up waiting.
        Command::Stats(reply) => drop(reply.try_send(fanout.snapshot(now))),
        Command::Tables(reply) => {
            let mut tables = fanout.tables();
            tables.push(("tcp_connections", sockets.connections()));
            drop(reply.try_send(tables));
        }
        Command::Stop => {
            fanout.end_all();
            return Next::Stop;
        }
    }
    Next::On
}

/// The session's name is its key: it is not logged.
fn tell(ended: &Ended) {
    match ended.how {
        How::By(Why::Left) => tracing::debug!("a viewer or publisher left"),
        How::By(Why::Lost) => tracing::debug!("a viewer or publisher was lost"),
        How::Closed => tracing::debug!("a session was closed"),
        How::Fault => tracing::error!("a session was ended by a fault of the relay; the others go on"),
    }
}
