//! A USB webcam made of software, for a virtual machine to plug in: a real driver binds to it, real
//! libcamera lists it, and every frame says its own number.
//!
//! Owns one webcam's life on one socket of QEMU's `usb-redir` device: connecting is plugging in,
//! hanging up is pulling the plug. `wire` knows the redirection protocol, `uvc` what a webcam answers and
//! `descriptors` what it says it is, `picture` what it films and `coded` what it makes of that if it encodes.

pub mod coded;
mod descriptors;
pub mod picture;
mod uvc;
mod wire;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use coded::Coder;
pub use uvc::{Control, Keyframes, Layout, Model};
use uvc::{Device, Reply, Stream};
use wire::{Message, Packet, Status};

/// In the header of a payload: what is in this frame is not right (UVC 1.0 §2.4.3.3).
const ERROR: u8 = 0x40;
/// How long one more frame is waited for before the device looks whether it was unplugged.
const IDLE: Duration = Duration::from_millis(50);

/// Something the machine did to the webcam.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// A control was set, with the value as it arrived.
    Set(Control, i64),
    /// A format was agreed: `NV12 320x240`.
    Committed(String),
    /// A keyframe was asked for.
    AskedForKeyframe,
    /// Frame `0`… has left the device in full.
    Frame(u32),
}

/// A webcam that is plugged in.
pub struct Webcam {
    seen: Receiver<Seen>,
    kept: Vec<Seen>,
    socket: UnixStream,
    running: Option<JoinHandle<io::Result<()>>>,
    frames: Arc<AtomicU32>,
    silent: Arc<AtomicBool>,
    spoilt: Arc<AtomicBool>,
}

impl Webcam {
    /// Plugs a webcam into the `usb-redir` device that listens at `socket`.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn plug_in(socket: &Path, model: Model) -> io::Result<Webcam> {
        Webcam::plug_in_at(socket, model, 0)
    }

    /// The same with the number its first frame has.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn plug_in_at(socket: &Path, model: Model, number: u32) -> io::Result<Webcam> {
        let socket = UnixStream::connect(socket)?;
        let (report, seen) = mpsc::channel();
        let frames = Arc::new(AtomicU32::new(number));
        let [silent, spoilt] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let body = Body {
            socket: socket.try_clone()?,
            device: Device::new(model),
            report,
            frames: frames.clone(),
            silent: silent.clone(),
            spoilt: spoilt.clone(),
            wanted: VecDeque::new(),
            film: None,
        };
        let running = std::thread::spawn(move || body.run());
        Ok(Webcam { seen, kept: Vec::new(), socket, running: Some(running), frames, silent, spoilt })
    }

    /// Waits until the machine has done what `wanted` looks for, and gives it back. What was seen
    /// before it stays in [`Webcam::history`].
    ///
    /// # Panics
    /// When it has not happened by `deadline`.
    pub fn wait_for(&mut self, what: &str, deadline: Instant, wanted: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.seen.recv_timeout(left) {
                Ok(seen) => {
                    self.kept.push(seen.clone());
                    if wanted(&seen) {
                        return seen;
                    }
                }
                Err(_) => panic!("the webcam never saw {what}; it saw {:?}", self.controls()),
            }
        }
    }

    /// Everything but the frames, in the order it happened.
    pub fn controls(&mut self) -> Vec<Seen> {
        self.kept.extend(self.seen.try_iter());
        self.kept.iter().filter(|seen| !matches!(seen, Seen::Frame(_))).cloned().collect()
    }

    /// The number of the frame that leaves the device next.
    pub fn frames_sent(&self) -> u32 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Stops sending pictures while everything else goes on, as webcams do when their firmware hangs.
    pub fn fall_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// Says of one picture that it was damaged on its way, so that the machine's driver drops it.
    pub fn spoil_a_picture(&self) {
        self.spoilt.store(true, Ordering::Relaxed);
    }

    /// Pulls the plug, even in the middle of a frame.
    pub fn unplug(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

impl Drop for Webcam {
    fn drop(&mut self) {
        self.unplug();
    }
}

/// The device's own thread: answers the machine and films at its rate.
struct Body {
    socket: UnixStream,
    device: Device,
    report: Sender<Seen>,
    frames: Arc<AtomicU32>,
    silent: Arc<AtomicBool>,
    spoilt: Arc<AtomicBool>,
    /// Bulk reads the machine has asked for and not yet got, oldest first.
    wanted: VecDeque<(u64, usize)>,
    film: Option<Film>,
}

/// A picture on its way out.
struct Film {
    stream: Stream,
    coder: Option<Coder>,
    number: u32,
    bytes: Vec<u8>,
    sent: usize,
    due: Instant,
}

impl Body {
    fn run(mut self) -> io::Result<()> {
        let (heard, messages) = mpsc::channel();
        let mut ears = self.socket.try_clone()?;
        std::thread::spawn(move || {
            while let Ok(message) = wire::read(&mut ears) {
                if heard.send(message).is_err() {
                    return;
                }
            }
        });
        self.socket.write_all(&wire::hello())?;
        loop {
            match messages.recv_timeout(self.patience()) {
                Ok(message) => self.hear(message)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.film()?;
        }
    }

    /// How long to listen before the next frame is due.
    fn patience(&self) -> Duration {
        match &self.film {
            Some(film) if !self.wanted.is_empty() && !self.silent.load(Ordering::Relaxed) => {
                film.due.saturating_duration_since(Instant::now())
            }
            _ => IDLE,
        }
    }

    fn hear(&mut self, message: Message) -> io::Result<()> {
        let Message { id, packet } = message;
        let answer = match packet {
            Packet::Hello => self.device.introduction(),
            Packet::SetConfiguration(value) => {
                [self.device.layout(), wire::configuration_status(id, value)].concat()
            }
            Packet::GetConfiguration => wire::configuration_status(id, 1),
            Packet::SetAlternate { interface, alternate } => {
                [self.device.layout(), wire::alternate_status(id, interface, alternate)].concat()
            }
            Packet::GetAlternate { interface } => wire::alternate_status(id, interface, 0),
            Packet::Control { setup, data } => {
                let reply = self.device.control(setup, &data);
                self.note(&reply);
                match reply {
                    Reply::Data(bytes) => wire::control_reply(id, setup, Status::Success, &bytes),
                    Reply::Done | Reply::Set(..) | Reply::Commit(_) | Reply::Keyframe => {
                        wire::control_reply(id, setup, Status::Success, &[])
                    }
                    Reply::Stall => wire::control_reply(id, setup, Status::Stall, &[]),
                }
            }
            Packet::BulkIn { length } => {
                self.wanted.push_back((id, length));
                Vec::new()
            }
            Packet::Cancel => match self.wanted.iter().position(|(wanted, _)| *wanted == id) {
                Some(at) => {
                    self.wanted.remove(at);
                    wire::bulk_reply(id, Status::Cancelled, &[])
                }
                // Answered while the machine was asking: it has its answer.
                None => Vec::new(),
            },
            Packet::Other => Vec::new(),
        };
        self.socket.write_all(&answer)
    }

    fn note(&mut self, reply: &Reply) {
        match reply {
            Reply::Set(control, value) => drop(self.report.send(Seen::Set(*control, *value))),
            Reply::Commit(stream) => {
                drop(self.report.send(Seen::Committed(stream.to_string())));
                let number = self.frames.load(Ordering::Relaxed);
                let coder = stream.coder(self.device.model.keyframes);
                self.film = Some(Film::new(*stream, coder, number, Instant::now()));
            }
            Reply::Keyframe => {
                drop(self.report.send(Seen::AskedForKeyframe));
                if let Some(coder) = self.film.as_mut().and_then(|film| film.coder.as_mut()) {
                    coder.ask_for_keyframe();
                }
            }
            _ => {}
        }
    }

    /// Sends as much of the picture as the machine has asked for.
    fn film(&mut self) -> io::Result<()> {
        let Some(film) = self.film.as_mut().filter(|_| !self.silent.load(Ordering::Relaxed)) else {
            return Ok(());
        };
        while film.due <= Instant::now() {
            let Some((id, length)) = self.wanted.pop_front() else { return Ok(()) };
            let mut payload = film.payload(length);
            if film.sent == film.bytes.len() && self.spoilt.swap(false, Ordering::Relaxed) {
                payload[1] |= ERROR;
            }
            self.socket.write_all(&wire::bulk_reply(id, Status::Success, &payload))?;
            if film.sent == film.bytes.len() {
                let number = film.number;
                self.frames.store(number + 1, Ordering::Relaxed);
                drop(self.report.send(Seen::Frame(number)));
                let due = film.due.max(Instant::now()) + film.stream.interval();
                *film = Film::new(film.stream, film.coder.take(), number + 1, due);
            }
        }
        Ok(())
    }
}

impl Film {
    fn new(stream: Stream, mut coder: Option<Coder>, number: u32, due: Instant) -> Film {
        let bytes = stream.picture(number, coder.as_mut());
        Film { stream, coder, number, bytes, sent: 0, due }
    }

    /// The next payload of at most `length` bytes: a two-byte header (UVC 1.0 §2.4.3.3) and picture.
    fn payload(&mut self, length: usize) -> Vec<u8> {
        const HEADER: usize = 2;
        let end = (self.sent + length - HEADER).min(self.bytes.len());
        let frame_id = (self.number & 1) as u8;
        let end_of_frame = u8::from(end == self.bytes.len()) << 1;
        let mut payload = vec![HEADER as u8, 0x80 | end_of_frame | frame_id];
        payload.extend_from_slice(&self.bytes[self.sent..end]);
        self.sent = end;
        payload
    }
}
