//! Framegate runs a dataflow graph over live video. A YAML file names the nodes and how they are
//! linked: a camera, sandboxed WASM plugins that look at or change each frame, an H.264 encoder,
//! and a relay that sends one encoded stream to many browsers over WebRTC. The core decides which
//! frame goes where and when.
//!
//! The film gate is the opening behind the lens where each frame is exposed. Here every frame
//! passes your code before it may leave the device.
//!
//! # The shape in one paragraph
//!
//! Text → checked plan → running graph: three types, never one. A pure scheduler decides; a small
//! pool of threads obeys. Devices and pixels stay on threads; async exists only at the network
//! edge. Each native library and the WASM engine lives in one place and never appears in anyone
//! else's signatures.
//!
//! # Reading order: one frame's journey
//!
//! 1. [`graph`] turns the file, and those it includes, into a [`graph::Plan`]; what is wrong with it
//!    comes back as [`diagnostic`] findings, all at once, and nothing has been started.
//! 2. [`run`] builds each node through [`node::NodeKind::build`]; a failure here is reported before
//!    any frame moves.
//! 3. A source in [`nodes`] fills a pooled [`media::Frame`] and gives it to its output; one whose
//!    pictures come encoded gives access units, which [`h264`] makes into frames for whoever takes those.
//!    What is published to us by WebRTC comes in by [`relay`], at the door it goes out by.
//! 4. A link of [`schedule`] takes it. The link out of a camera is where frames are lost under
//!    load, and the tally says so.
//! 5. A worker of [`run`] carries it into [`plugin`]: rows go into the guest on demand, changed
//!    rows come back, under a deadline. Drawing and sampling for guests happens in [`pixels`], their
//!    neural networks run in [`infer`].
//! 6. `h264` in [`nodes`] makes one [`media::AccessUnit`] with the same PTS and annotations.
//! 7. [`relay`] cuts it into packets once and writes them to every viewer that is in step;
//!    [`serve`] is the door those viewers came in by.
//! 8. The last clone of the frame drops, and its memory is back in the [`media::Pool`].
//!
//! Against the stream: a viewer's picture loss → one merged wish ([`node::Wish::Keyframe`]) → the
//! encoder. Stop goes the other way: sources first, links drain, sinks last.
//!
//! A file that changes while its graph runs goes the same way up to the plan. Then [`run`] builds what is
//! new beside what is old, and swaps only what differs, in one moment of [`schedule`]; all the rest
//! goes on.
//!
//! # Who may know whom
//!
//! | folder | may use from here | from outside | must not know |
//! |---|---|---|---|
//! | [`diagnostic`] | – | – | anything |
//! | [`watch`] | – | notify | what the files are for |
//! | [`media`] | – | ndarray | anything else |
//! | [`h264`] | media | openh264, h264-reader | nodes, where bytes come from |
//! | [`node`] | media, diagnostic | – | graphs, threads, YAML |
//! | [`graph`] | media, node, diagnostic | serde_yaml (`document.rs` alone) | which kinds exist |
//! | [`schedule`] | media, graph's plan, node's plain words | std without threads, clocks, locks, sockets, files | what a node does |
//! | [`run`] | schedule, graph, node, media | std threads | which kinds exist, async |
//! | [`pixels`] | media | fast_image_resize, yuv, a bitmap font | nodes, plugins |
//! | [`infer`] | media, node, pixels | tract-onnx | plugins, graphs |
//! | [`plugin`] | media, node, diagnostic, pixels, infer, watch | wasmtime; ureq (`registry` alone) | graphs, other nodes |
//! | [`nodes`] | media, node, diagnostic, pixels, h264 | openh264, … | each other, graphs |
//! | [`relay`] | media, node, diagnostic, h264 | rtc, webrtc, tokio, ureq | encoders, graphs |
//! | [`serve`] | relay's public face, read-only views of run and graph | axum, hyper, tokio, tokio-rustls | pixels |
//! | [`catalog`] | node, nodes, plugin, relay | – | how they run |
//! | [`cli`] | everything public | clap | pixels |
//! | `plugins/*` | nothing of `core`: only `wit/`, through `plugins/sdk` | wit-bindgen | the host's types |
//!
//! `tests/tidy` holds this table to its word.
//!
//! # Invariants
//!
//! - The scheduler never blocks and never reads time.
//! - A node is called by one thread at a time.
//! - PTS rise on every link.
//! - No queue is unbounded, and none is hidden.
//! - A plugin cannot stall the graph longer than its limit, nor see memory that is not its own.
//! - A slow viewer slows nobody.
//! - A frame is not copied between nodes unless someone writes to it while it is shared.
//! - In steady state a running graph allocates no frame memory.
//! - A graph that fails its check starts nothing: no camera opens, no port listens.
//!
//! # Three families of failure
//!
//! 1. *The user wrote a bad graph*: a [`diagnostic::Diagnostic`], collected, all reported at once.
//! 2. *The world failed* (camera unplugged, guest trapped, viewer left, disk full): a
//!    [`node::NodeError`] that says whether to skip the item, stop the node, or stop the graph.
//! 3. *We broke our own rule*: a panic with a sentence saying why it cannot happen. It is caught at
//!    the node's border: the node fails, the process lives.
//!
//! # Where does it go?
//!
//! | to add | touch |
//! |---|---|
//! | a node kind | `core/nodes/<kind>.rs`, a line in [`catalog`], a test, a graph |
//! | a plugin | `plugins/<name>/`, a test; nothing in `core` |
//! | a rule about graphs | one function in `core/graph/check`, a pair of files in `tests/graph/cases` |
//! | a full-queue policy or a join | `core/schedule/`, a virtual-time test |
//! | a plugin ability | `wit/`, a host file in `core/plugin/`, the sdk |
//! | a viewer protocol | `core/relay/` beside the session, a route in `core/serve/` |
//! | a metric | `core/run/report.rs`, then where it is shown |

pub mod catalog;
pub mod cli;
pub mod diagnostic;
pub mod graph;
pub mod h264;
pub mod infer;
pub mod media;
pub mod node;
pub mod nodes;
pub mod pixels;
pub mod plugin;
pub mod relay;
pub mod run;
pub mod schedule;
pub mod serve;
pub mod watch;
