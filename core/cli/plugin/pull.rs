//! `framegate plugin pull`: a plugin out of an OCI registry, verified, and the line that pins it.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::tell_pinned;
use crate::cli::misused;
use crate::plugin;
use crate::plugin::registry::Reference;

/// Fetch a plugin from an OCI registry, and print the line that pins it in a graph.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate plugin pull registry.example.org/tools/night:1.0     what the tag is now, pinned
  framegate plugin pull localhost:5000/night@sha256:… -o night.wasm

It is kept, so that graphs with this line need the registry no more. The account is the one of
`docker login`, or FRAMEGATE_REGISTRY (its host), FRAMEGATE_REGISTRY_USER and FRAMEGATE_REGISTRY_PASSWORD.

Exit status: 0 it is here, 1 it cannot be had or is no plugin, 2 the command was misused.")]
pub struct Args {
    /// What is fetched; the tag is `latest` if both are left out
    #[arg(value_name = "REGISTRY/NAME[:TAG|@DIGEST]")]
    from: String,
    /// Write the component here, too
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn main(args: &Args) -> ExitCode {
    let from = match Reference::bare(&args.from) {
        Ok(from) => from,
        Err(fault) => return misused(&fault.to_string()),
    };
    let done = plugin::pull(&from).and_then(|fetched| {
        args.output.as_deref().map_or(Ok(()), |file| write(file, &fetched.wasm))?;
        Ok(fetched.pinned)
    });
    tell_pinned(done)
}

/// Whole or not at all.
fn write(file: &Path, wasm: &[u8]) -> Result<(), String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = || -> io::Result<()> {
        // As any new file: the umask says who may read it.
        let mode = Permissions::from_mode(0o666);
        let mut whole = tempfile::Builder::new().permissions(mode).tempfile_in(folder)?;
        whole.write_all(wasm)?;
        whole.persist(file).map(|_| ()).map_err(|error| error.error)
    };
    written().map_err(|error| format!("{} cannot be written: {error}", file.display()))
}
