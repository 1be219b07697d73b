//! One open camera on the owner's thread: its requests, on their way round.
//!
//! A request is at the camera, or completed and lent to the node with its memory, or parked here. It
//! is queued again when its loan ends. Everything goes down in one order: stop, take back what the
//! callback still delivers, requests, active camera, allocator, camera; the manager after all
//! sessions. The fields of [`Session`] are in that order because Rust drops them so.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};

use super::controls::{self, Control, Needed, Value};
use super::described;
use super::frames::Given;
use super::mapped::Mapping;
use super::negotiate::{self, Agreed};
use super::owner::Event;
use super::versions::{self, Put, api};
use super::wanted::Wanted;
use crate::node::{Counter, Counters};
use api::camera::{ActiveCamera, Camera};
use api::control::ControlList;
use api::control_value::ControlValue;
use api::framebuffer::{AsFrameBuffer, FrameMetadataStatus};
use api::framebuffer_allocator::{FrameBuffer, FrameBufferAllocator};
use api::geometry::Rectangle;
use api::properties::ScalerCropMaximum;
use api::request::{Request, RequestStatus, ReuseFlag};
use api::stream::Stream;

/// Which opening of a camera something belongs to.
pub type Id = u64;

/// Buffers that must be the camera's own at any time for it to go on filling them.
const CAMERA_NEEDS: usize = 2;

/// An open camera, on the owner's thread.
pub struct Session {
    parked: HashMap<u64, Request>,
    camera: ActiveCamera<'static>,
    // Held for its drop only: it owns the buffers that requests were made with.
    _allocator: FrameBufferAllocator,
    listed: Camera<'static>,
    id: Id,
    streams: Vec<Stream>,
    memory: HashMap<u64, Arc<Vec<Mapping>>>,
    /// Controls that the next request takes along.
    later: Vec<Control>,
    shots: SyncSender<Shot>,
    events: Sender<Event>,
    lent: Arc<AtomicUsize>,
    counts: Counts,
}

/// An open camera, at the node. Dropping it closes the camera.
pub struct Capture {
    pub id: String,
    pub model: String,
    pub given: Vec<Given>,
    /// Ends when the camera is lost.
    pub shots: Receiver<Shot>,
    lent: Arc<AtomicUsize>,
    buffers: usize,
    session: Id,
    events: Sender<Event>,
}

/// One completed request: a picture, or two of the same moment.
pub struct Shot {
    /// The driver's count of frames.
    pub sequence: u32,
    /// On the machine's monotonic clock, in nanoseconds.
    pub stamp: u64,
    pub loan: Arc<Loan>,
}

/// Memory that the camera is not writing to. When the last holder drops it, the camera may again.
pub struct Loan {
    memory: Arc<Vec<Mapping>>,
    lent: Arc<AtomicUsize>,
    session: Id,
    cookie: u64,
    events: Sender<Event>,
}

/// What happened to requests that became no shot.
struct Counts {
    /// The driver said the picture is damaged.
    damaged: Counter,
    /// The node had not taken the ones before.
    overrun: Counter,
}

impl Session {
    /// Opens `listed` and starts it.
    ///
    /// # Errors
    /// A sentence about what cannot be had.
    pub fn open(
        listed: Camera<'static>,
        wanted: &Wanted,
        id: Id,
        events: &Sender<Event>,
        counters: &Counters,
    ) -> Result<(Session, Capture), String> {
        let model = described::model(&listed);
        let mut camera = versions::acquire(&listed).map_err(|error| match error.raw_os_error() {
            Some(libc::EBUSY) => format!("\"{model}\" is in use by another program"),
            _ => format!("\"{model}\" cannot be opened: {error}"),
        })?;
        let Agreed { mut configuration, given } = negotiate::negotiate(&listed, &model, wanted)?;
        let refused = |what: &str, error| format!("\"{model}\" {what}: {}", versions::errno(error));
        camera.configure(&mut configuration).map_err(|error| refused("cannot be configured", error))?;
        let streams: Vec<Stream> =
            (0..given.len()).filter_map(|index| configuration.get(index)?.stream()).collect();
        let mut allocator = FrameBufferAllocator::new(&listed);
        let buffers = allocate(&mut allocator, &streams).map_err(|error| refused("has no buffers", error))?;

        let (mut requests, mut memory) = (Vec::new(), HashMap::new());
        for (cookie, set) in (0..).zip(buffers) {
            let maps: Vec<Mapping> = set
                .iter()
                .map(Mapping::of)
                .collect::<Result<_, _>>()
                .map_err(|error| format!("a buffer of \"{model}\" cannot be read: {error}"))?;
            memory.insert(cookie, Arc::new(maps));
            let mut request = camera.create_request(Some(cookie)).ok_or("a request cannot be made")?;
            for (stream, buffer) in streams.iter().zip(set) {
                request.add_buffer(stream, buffer).map_err(|error| refused("takes no buffer", error))?;
            }
            requests.push(request);
        }
        // libcamera keeps a control until a later request changes it. So all requests of the first
        // round carry them, whichever comes first, and later rounds none: a USB camera would be sent
        // each of them with every frame.
        for request in &mut requests {
            dress(request, &listed, &model, &wanted.controls)?;
        }
        let (sender, shots) = sync_channel(requests.len());
        let (lent, count) = (Arc::new(AtomicUsize::new(0)), requests.len());
        let session = Session {
            parked: HashMap::new(),
            camera,
            _allocator: allocator,
            listed,
            id,
            streams,
            memory,
            later: Vec::new(),
            shots: sender,
            events: events.clone(),
            lent: lent.clone(),
            counts: Counts { damaged: counters.named("damaged"), overrun: counters.named("overrun") },
        };
        let session = session.start(requests)?;
        let capture = Capture {
            id: session.listed.id().to_owned(),
            model,
            given,
            shots,
            lent,
            buffers: count,
            session: id,
            events: events.clone(),
        };
        Ok((session, capture))
    }

    fn start(mut self, requests: Vec<Request>) -> Result<Session, String> {
        let name = described::model(&self.listed);
        // Callbacks come on libcamera's thread with its state locked. They only send, over a channel
        // without a bound: one that filled up would block `stop`, which waits for that thread. There
        // are never more messages in it than there are requests.
        let (id, events) = (self.id, self.events.clone());
        self.camera.on_request_completed(move |request| drop(events.send(Event::Completed(id, request))));
        let events = self.events.clone();
        versions::on_disconnected(&mut self.camera, move || drop(events.send(Event::Unplugged(id))));
        self.camera
            .start(None)
            .map_err(|error| format!("\"{name}\" does not start: {}", versions::errno(error)))?;
        for request in requests {
            versions::queue(&self.camera, request)
                .map_err(|error| format!("\"{name}\" takes no request: {error}"))?;
        }
        Ok(self)
    }

    /// The camera's id, to look for in the list.
    pub fn camera(&self) -> &str {
        self.listed.id()
    }

    /// A request has come back from the camera: on to the node, or round again.
    ///
    /// # Errors
    /// When the camera takes no more requests: it is gone.
    pub fn completed(&mut self, request: Request) -> Result<(), Gone> {
        let cookie = request.cookie();
        let read = self.read(&request);
        self.parked.insert(cookie, request);
        match read {
            Read::Picture { sequence, stamp } => {
                self.lent.fetch_add(1, Ordering::Relaxed);
                let loan = Arc::new(Loan::new(self, cookie));
                match self.shots.try_send(Shot { sequence, stamp, loan }) {
                    // The loan ends here with the shot, and the request goes round by the way of all.
                    Err(TrySendError::Full(_)) => self.counts.overrun.add(1),
                    Ok(()) | Err(TrySendError::Disconnected(_)) => {}
                }
                Ok(())
            }
            Read::Damaged => {
                self.counts.damaged.add(1);
                self.give_back(cookie)
            }
            Read::Cancelled => Ok(()),
        }
    }

    /// What came of a request: its status, and that of each of its buffers.
    fn read(&self, request: &Request) -> Read {
        if request.status() != RequestStatus::Complete {
            return Read::Cancelled;
        }
        let mut first = None;
        for stream in &self.streams {
            let Some(metadata) = request.buffer::<FrameBuffer>(stream).and_then(|buffer| buffer.metadata())
            else {
                return Read::Damaged;
            };
            if metadata.status() != FrameMetadataStatus::Success {
                return Read::Damaged;
            }
            first.get_or_insert(Read::Picture { sequence: metadata.sequence(), stamp: metadata.timestamp() });
        }
        first.unwrap_or(Read::Damaged)
    }

    /// Nobody holds the memory of request `cookie` any more: it goes round again.
    ///
    /// # Errors
    /// When the camera takes no more requests: it is gone.
    pub fn give_back(&mut self, cookie: u64) -> Result<(), Gone> {
        let Some(mut request) = self.parked.remove(&cookie) else { return Ok(()) };
        request.reuse(ReuseFlag::REUSE_BUFFERS);
        if !self.later.is_empty() {
            let (name, later) = (described::model(&self.listed), std::mem::take(&mut self.later));
            // They were tried on a request like this one.
            if let Err(why) = dress(&mut request, &self.listed, &name, &later) {
                tracing::warn!("{why}");
            }
        }
        versions::queue(&self.camera, request).map_err(|_| Gone)
    }

    /// Has the next request take `controls` along: one is enough, as libcamera keeps them.
    ///
    /// # Errors
    /// A sentence about what this camera has not; then none of them is set.
    pub fn set(&mut self, controls: Vec<Control>) -> Result<(), String> {
        // Never queued: its list knows what the camera has.
        let mut tried = self.camera.create_request(None).ok_or("a request cannot be made")?;
        dress(&mut tried, &self.listed, &described::model(&self.listed), &controls)?;
        // Of two changes before the next request the later one counts, as it comes last.
        self.later.extend(controls);
        Ok(())
    }

    /// Stops the camera. What was outstanding is delivered as cancelled before this returns, to the
    /// owner's channel: it must be taken from there and dropped before the session is.
    pub fn stop(&mut self) {
        if let Err(error) = self.camera.stop() {
            tracing::debug!(camera = self.listed.id(), "stop: {}", versions::errno(error));
        }
    }
}

/// The camera takes no more requests.
#[derive(Debug)]
pub struct Gone;

enum Read {
    Picture { sequence: u32, stamp: u64 },
    Damaged,
    Cancelled,
}

/// For each request its buffers, one for each stream.
fn allocate(
    allocator: &mut FrameBufferAllocator,
    streams: &[Stream],
) -> std::io::Result<Vec<Vec<FrameBuffer>>> {
    let mut sets: Vec<Vec<FrameBuffer>> = Vec::new();
    for (index, stream) in streams.iter().enumerate() {
        for (at, buffer) in allocator.alloc(stream)?.into_iter().enumerate() {
            match sets.get_mut(at) {
                Some(set) => set.push(buffer),
                None if index == 0 => sets.push(vec![buffer]),
                None => {}
            }
        }
    }
    sets.retain(|set| set.len() == streams.len());
    Ok(sets)
}

/// Sets the controls in a request.
fn dress(
    request: &mut Request,
    camera: &Camera<'static>,
    name: &str,
    wanted: &[Control],
) -> Result<(), String> {
    let known = versions::known(camera);
    let first = request.cookie() == 0;
    let list = request.controls_mut();
    for control in wanted {
        let has = |list: &mut ControlList, name: &str| {
            versions::put(list, name, ControlValue::from(0i32), known.as_deref()) == Put::Taken
        };
        match control.needed {
            Needed::InsteadOf(other) if has(list, other) => continue,
            Needed::Yes => {
                if let Some(known) = &known {
                    controls::check(control, name, known)?;
                }
            }
            Needed::InsteadOf(_) | Needed::WhereThereIs => {}
        }
        let put = versions::put(list, control.name, coded(control.value, camera), known.as_deref());
        match (put, control.needed) {
            (Put::Unknown, Needed::Yes) => {
                return Err(controls::missing(control, name, known.as_deref().unwrap_or(&[])));
            }
            // Said once, for the first request.
            (Put::Unknown, _) if control.setting == "rate" && first => {
                tracing::warn!(
                    camera = name,
                    "the camera's rate cannot be set; it gives what its driver chooses"
                );
            }
            _ => {}
        }
    }
    Ok(())
}

fn coded(value: Value, camera: &Camera<'_>) -> ControlValue {
    match value {
        Value::Bool(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::Float(value) => value.into(),
        Value::Pair(values) => values.into(),
        Value::Durations(values) => values.into(),
        Value::Part(part) => {
            let whole = camera.properties().get::<ScalerCropMaximum>().map(|whole| whole.0);
            let whole = whole.unwrap_or(Rectangle { x: 0, y: 0, width: 0, height: 0 });
            let (width, height) = (whole.width as f32, whole.height as f32);
            Rectangle {
                x: whole.x + (part.x * width) as i32,
                y: whole.y + (part.y * height) as i32,
                width: (part.width * width) as u32,
                height: (part.height * height) as u32,
            }
            .into()
        }
    }
}

impl Capture {
    /// Sets controls while the camera runs, from the next request on.
    ///
    /// # Errors
    /// A sentence about what this camera has not; then none of them is set.
    pub fn set(&self, controls: Vec<Control>) -> Result<(), String> {
        let (reply, answer) = channel();
        let _ = self.events.send(Event::Set(self.session, controls, reply));
        answer.recv().unwrap_or_else(|_| Err(format!("\"{}\" has gone", self.model)))
    }

    /// Whether a frame may hold on to the camera's memory just now.
    pub fn can_lend(&self) -> bool {
        self.lent.load(Ordering::Relaxed) + CAMERA_NEEDS <= self.buffers
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Close(self.session));
    }
}

impl Loan {
    fn new(session: &Session, cookie: u64) -> Loan {
        let memory = session.memory[&cookie].clone();
        memory.iter().for_each(Mapping::begin_reading);
        Loan {
            memory,
            lent: session.lent.clone(),
            session: session.id,
            cookie,
            events: session.events.clone(),
        }
    }

    pub fn plane_count(&self, stream: usize) -> usize {
        self.memory[stream].plane_count()
    }

    /// # Panics
    /// When the buffer has no such plane.
    pub fn plane(&self, stream: usize, plane: usize) -> &[u8] {
        self.memory[stream].plane(plane)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.memory.iter().for_each(Mapping::end_reading);
        self.lent.fetch_sub(1, Ordering::Relaxed);
        // When the owner or the session is gone, so is the camera that could use it.
        let _ = self.events.send(Event::GiveBack(self.session, self.cookie));
    }
}
