//! The sandbox: WASM components as nodes. The only folder that names wasmtime.
//!
//! A component is found by what a graph calls it (`library`): in the program itself, in a file or in a
//! registry (`registry`). It is read (`program`), its imports are held against what may be granted
//! (`border`), it is compiled once (`compiler`, `engine`, `cache`) and started in a store of its own (`instance`)
//! under limits (`limits`, `settings`). Then frames are lent to it one by one (`lent`, `host`), and nothing is
//! asked of the heap for what crosses, on its way in (`lowered`) or out (`lifted`); when it fails (`fault`) the
//! node goes on without it and starts it again later (`node`, `recovery`). When its file changes (`watch`), a
//! successor is made ready (`successor`) and takes over (`node/swap`).
//!
//! Reading order: `kind`, `node`, `instance`, `lent`, `host`.

mod bindings;
mod border;
pub mod bundled;
mod cache;
pub mod compiler;
mod declared;
mod engine;
mod examine;
mod fault;
mod host;
mod inspect;
mod instance;
mod kind;
mod lent;
mod library;
mod lifted;
mod limits;
mod looked;
mod lowered;
mod nearest;
mod node;
mod program;
mod recovery;
pub mod registry;
mod schema;
mod settings;
mod sharing;
mod successor;
mod watch;

pub use border::World;
pub use examine::{Examined, examine};
pub use inspect::{About, Ask, Portrait, Uninspectable, bundled_plugins, inspect, inspect_within, unknown};
pub use kind::Kind;
pub use library::whence;
pub use limits::Limits;
pub use sharing::{pull, push};
