//! From a component to machine code, in a process of its own with bounds on time and memory.
//!
//! The compiler promises nothing about what it costs: a component of 40 KB can keep it busy for
//! minutes and fill gigabytes. So the program starts itself once more for each component, and that
//! second process limits itself before it looks at the bytes. Owns both ends, the bytes that pass
//! between them and the bounds. Leaves to `program` what may be compiled at all, and to `cache`
//! keeping it.
//!
//! A program that only uses the library compiles in place and without bounds, until it calls [`apart`].

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use wasmtime::component::Component;

use super::engine::{engine, metered};
use super::host::journal::neutral;
use super::program::{MOST_BYTES, Unloadable, cause, invalid};
use crate::node::units;

/// On all processors together, before the share that grows with the component. Boards compile five
/// to ten times slower than desks, and a desk needs a tenth of a second for a filter.
const TIME: Duration = Duration::from_secs(30);
/// Ten times what the dearest plugins take on a desk: those with a neural network compiled in.
const TIME_PER_MIB: Duration = Duration::from_secs(30);
const MOST_TIME: Duration = Duration::from_secs(600);

const MEMORY: u64 = 1 << 30;
const MEMORY_PER_MIB: u64 = 64 << 20;

/// First byte of a question: for which engine.
const PLAIN: u8 = b'p';
const METERED: u8 = b'm';
/// First byte of an answer: machine code follows, or why there is none.
const COMPILED: u8 = b'+';
const REFUSED: u8 = b'-';

/// What Rust says before it ends over an allocation that cannot be had.
const NO_MEMORY: &str = "memory allocation of";

/// With which arguments this program compiles for itself.
static APART: OnceLock<&[&str]> = OnceLock::new();

/// Why a component that may be valid is not compiled.
#[derive(Debug)]
pub enum Failure {
    TooLong {
        most: Duration,
        whose: Whose,
        bytes: usize,
    },
    TooMuchMemory {
        most: u64,
        whose: Whose,
        bytes: usize,
    },
    /// The second process cannot be started or understood.
    Process(io::Error),
    /// It ended otherwise than it ever should, or was killed; how.
    Died(String),
}

/// Who set a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// We, by the size of the component.
    Ours,
    /// Whoever started this process, lower than ours.
    Inherited,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::TooLong { most, whose, bytes } => {
                let most = format!("{} of CPU time", units::show_duration(*most));
                too_costly(f, *bytes, &most, *whose, "ulimit -t")
            }
            Failure::TooMuchMemory { most, whose, bytes } => {
                let most = format!("{} of memory", units::show_bytes(*most));
                too_costly(f, *bytes, &most, *whose, MEMORY_ULIMIT)
            }
            Failure::Process(error) => {
                write!(f, "plugins are compiled by this program started once more, which fails: {error}")
            }
            Failure::Died(how) => write!(f, "the compiler did not survive it: {how}"),
        }
    }
}

/// Which bound it was and whose; what mostly costs so much is a guess, and is told as one.
fn too_costly(
    f: &mut fmt::Formatter<'_>,
    bytes: usize,
    most: &str,
    whose: Whose,
    ulimit: &str,
) -> fmt::Result {
    let size = bytes.div_ceil(1024);
    write!(f, "compiling its {size} KiB takes more than {most}, ")?;
    match whose {
        Whose::Ours => f.write_str(
            "the most that a component of this size may take; mostly that is one very large function, or \
             hundreds of loops or blocks inside each other: build it optimised, and split what is large or deep",
        ),
        Whose::Inherited => {
            write!(f, "the most that this process was started with (`{ulimit}`); raise that, or start without it")
        }
    }
}

/// From now on components are compiled by this program started again with `arguments`, and there
/// by [`answer`]. The first call counts.
pub fn apart(arguments: &'static [&'static str]) {
    let _ = APART.set(arguments);
}

/// Compiles a component, for the engine that counts where that is asked for.
///
/// # Errors
/// [`Unloadable::Invalid`] and [`Unloadable::Uncompiled`].
pub fn compile(wasm: &[u8], counts: bool) -> Result<Component, Unloadable> {
    let engine = if counts { metered() } else { engine() };
    let Some(arguments) = APART.get() else {
        return Component::from_binary(engine, wasm).map_err(|error| invalid(&error));
    };
    let compiled = ask(arguments, wasm, counts)?;
    // SAFETY: it comes straight from this very program, which has no other way to write that byte
    // than to have compiled `wasm` by the same engine; nobody else holds the pipe.
    unsafe { Component::deserialize(engine, compiled) }.map_err(|error| invalid(&error))
}

fn ask(arguments: &[&str], wasm: &[u8], counts: bool) -> Result<Vec<u8>, Unloadable> {
    let process = |error| Unloadable::Uncompiled(Failure::Process(error));
    let mut child = start(arguments).map_err(process)?;
    let mut question = child.stdin.take().expect("it was asked for");
    let output = thread::scope(|scope| {
        // It reads while it is read, and may end before it has read all.
        let asking = thread::Builder::new().spawn_scoped(scope, move || {
            let _ = question.write_all(&[if counts { METERED } else { PLAIN }]);
            let _ = question.write_all(wasm);
        });
        let answer = child.wait_with_output();
        asking.and(answer)
    });
    understand(output.map_err(process)?, wasm.len())
}

fn start(arguments: &[&str]) -> io::Result<Child> {
    let program = myself()?;
    let child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for this process, which then decides; a graph may be ending in good order.
        .process_group(0)
        .spawn();
    child.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", program.display())))
}

/// This program even where its file was replaced meanwhile, as an update does.
fn myself() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

fn understand(output: Output, bytes: usize) -> Result<Vec<u8>, Unloadable> {
    let bounds = Bounds::of(bytes);
    let Output { status, mut stdout, stderr } = output;
    let said = String::from_utf8_lossy(&stderr);
    let failure = match (status.signal(), stdout.first()) {
        (None, Some(&COMPILED)) if status.success() => {
            // In place: a compiled interpreter has a hundred megabytes.
            stdout.drain(..1);
            return Ok(stdout);
        }
        (None, Some(&REFUSED)) if status.success() => {
            return Err(Unloadable::Invalid(neutral(&String::from_utf8_lossy(&stdout[1..]))));
        }
        (Some(libc::SIGXCPU), _) => {
            let (most, whose) = bounds.time;
            Failure::TooLong { most, whose, bytes }
        }
        (Some(libc::SIGABRT), _) if said.starts_with(NO_MEMORY) => {
            let (most, whose) = bounds.memory;
            Failure::TooMuchMemory { most, whose, bytes }
        }
        _ => {
            // Of a panic: where it was, and its message; what follows is advice for programmers.
            let first: Vec<&str> = said.lines().filter(|line| !line.is_empty()).take(2).collect();
            Failure::Died(neutral(&format!("{status}: {}", first.join(" "))))
        }
    };
    Err(Unloadable::Uncompiled(failure))
}

/// What compiling may take.
#[derive(Debug)]
struct Bounds {
    /// Of all threads together.
    time: (Duration, Whose),
    /// Bytes that the process may have for itself.
    memory: (u64, Whose),
}

impl Bounds {
    /// For a component of `bytes`; limits that this process was started with hold where they are lower.
    fn of(bytes: usize) -> Bounds {
        let mib = (bytes >> 20) as u32;
        let time = (TIME + TIME_PER_MIB * mib).min(MOST_TIME);
        let memory = MEMORY + MEMORY_PER_MIB * u64::from(mib);
        let inherited = limit(libc::RLIMIT_CPU);
        // At the second number it would be killed without a word, so it must come to the first before.
        let inherited = inherited.rlim_cur.min(inherited.rlim_max.saturating_sub(1));
        Bounds {
            time: lower_of(time, Duration::from_secs(inherited)),
            memory: lower_of(memory, limit(MEMORY_LIMIT).rlim_cur),
        }
    }

    /// Holds this process to them.
    fn impose(&self) -> io::Result<()> {
        lower(libc::RLIMIT_CPU, self.time.0.as_secs())?;
        lower(MEMORY_LIMIT, self.memory.0)?;
        // What a stranger's component crashes shall not fill the disk.
        lower(libc::RLIMIT_CORE, 0)
    }
}

fn lower_of<T: PartialOrd>(ours: T, inherited: T) -> (T, Whose) {
    if inherited < ours { (inherited, Whose::Inherited) } else { (ours, Whose::Ours) }
}

/// Not the address space, of which every thread reserves much that it never touches.
#[cfg(target_os = "linux")]
const MEMORY_LIMIT: Resource = libc::RLIMIT_DATA;
#[cfg(not(target_os = "linux"))]
const MEMORY_LIMIT: Resource = libc::RLIMIT_AS;

/// How a shell sets it.
const MEMORY_ULIMIT: &str = if cfg!(target_os = "linux") { "ulimit -d" } else { "ulimit -v" };

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Resource = libc::c_int;

fn limit(resource: Resource) -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: it writes a struct that outlives the call. It fails for resources that do not exist.
    unsafe { libc::getrlimit(resource, &mut limit) };
    limit
}

fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: most, ..limit(resource) };
    // SAFETY: it reads a struct that outlives the call.
    match unsafe { libc::setrlimit(resource, &limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The second process: reads a component from standard input and writes what it compiles to.
///
/// # Errors
/// When the bounds cannot be set, or the other end is gone.
pub fn answer() -> io::Result<()> {
    end_with_parent();
    let_go();
    let mut question = Vec::new();
    let most = 1 + MOST_BYTES as u64;
    io::stdin().lock().take(most).read_to_end(&mut question)?;
    let Some((code, wasm)) = question.split_first() else {
        return Err(io::Error::other("this command is for framegate itself, and says nothing to people"));
    };
    let engine = if *code == METERED { metered() } else { engine() };
    Bounds::of(wasm.len()).impose()?;
    let (first, rest) = match engine.precompile_component(wasm) {
        Ok(compiled) => (COMPILED, compiled),
        Err(error) => (REFUSED, cause(&error).into_bytes()),
    };
    let mut out = io::stdout().lock();
    out.write_all(&[first])?;
    out.write_all(&rest)?;
    out.flush()
}

/// Closes what the program had open and did not mark as its own alone; libraries for cameras forget to.
fn let_go() {
    #[cfg(target_os = "linux")]
    // SAFETY: plain numbers; nothing has been opened here yet that is used after this. By its number,
    // because older C libraries lack the function.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
    }
}

/// Nobody waits for the answer any more. And it is the graph that runs whose frames are late.
fn end_with_parent() {
    // SAFETY: plain numbers; neither can fail in a way that matters here.
    unsafe {
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::nice(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_told_with_its_value_the_size_it_is_for_and_what_to_do() {
        let bytes = 40 << 10;
        let time = Failure::TooLong { most: TIME, whose: Whose::Ours, bytes }.to_string();
        let words = "compiling its 40 KiB takes more than 30s of CPU time, the most that a component of this size \
                     may take; mostly that is one very large function";
        assert!(time.starts_with(words) && time.contains("build it optimised, and split"), "{time}");
        let memory = Failure::TooMuchMemory { most: MEMORY, whose: Whose::Ours, bytes }.to_string();
        assert!(memory.contains("more than 1GiB of memory, the most that a component of"), "{memory}");
    }
}
