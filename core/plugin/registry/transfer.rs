//! A plugin's way out of a registry, or out of what was kept of it, and its way in.
//!
//! Owns the order and the verification: whatever a registry or a disk gives is hashed, and counts only
//! when that is the digest it was asked for by.

use std::path::PathBuf;

use super::artifact::{self, Layer};
use super::client::Client;
use super::digest_of;
use super::fault::{Fault, fault};
use super::kept::Kept;
use super::progress::Progress;
use super::reference::{Reference, Version};
use crate::node::Digest;

/// A plugin that is what its digest says.
pub struct Fetched {
    pub wasm: Vec<u8>,
    /// With the digest of its manifest: what a graph can have.
    pub pinned: Reference,
    /// Where it is kept.
    pub file: Option<PathBuf>,
}

/// The plugin that `reference` means: out of what was kept, or over the network.
///
/// A reference with a digest needs the network once; one without asks every time.
///
/// # Errors
/// [`Fault`].
pub fn fetch(reference: &Reference, kept: &Kept) -> Result<Fetched, Fault> {
    match offline(reference, kept)? {
        Some(fetched) => Ok(fetched),
        None => over_the_network(reference, kept),
    }
}

fn offline(reference: &Reference, kept: &Kept) -> Result<Option<Fetched>, Fault> {
    let Some(digest) = reference.digest else { return Ok(None) };
    let Some(manifest) = kept.manifest(&digest)? else { return Ok(None) };
    let layer = artifact::layer(&manifest, reference)?;
    let wasm = kept.layer(&layer)?;
    Ok(wasm.map(|wasm| Fetched { wasm, pinned: reference.clone(), file: kept.layer_file(&layer) }))
}

/// Where the plugin of a pinned reference is kept, if it is.
pub fn kept_at(reference: &Reference, kept: &Kept) -> Option<PathBuf> {
    offline(reference, kept).ok().flatten()?.file
}

fn over_the_network(reference: &Reference, kept: &Kept) -> Result<Fetched, Fault> {
    let mut client = Client::of(reference)?;
    let manifest = client.manifest(&reference.version())?;
    let digest = verified_manifest(&manifest, reference)?;
    let layer = artifact::layer(&manifest, reference)?;
    let wasm = match kept.layer(&layer)? {
        // The same component under another manifest.
        Some(wasm) => wasm,
        None => {
            let mut progress = Progress::begin(format!("fetching {reference}"), layer.size);
            let wasm = client.layer(&layer, &mut progress)?;
            verified_layer(&wasm, &layer, reference)?;
            wasm
        }
    };
    kept.keep(&manifest, &digest, &layer, &wasm);
    Ok(Fetched { wasm, pinned: reference.at(digest), file: kept.layer_file(&layer) })
}

/// The digest of a manifest that came from a registry, which is the one asked for.
fn verified_manifest(manifest: &[u8], reference: &Reference) -> Result<Digest, Fault> {
    let is = digest_of(manifest);
    if reference.digest.is_some_and(|wanted| wanted != is) && artifact::is_manifest(manifest) {
        return Err(other_digest(reference, "a manifest", &is));
    }
    match artifact::is_manifest(manifest) {
        true => Ok(is),
        false => Err(fault(
            "bad-registry",
            format!(
                "{} is no registry that can be used: it answers with something else than a manifest",
                reference.registry
            ),
            "check the name and port in front of the first /; a web page answers like this, or a proxy",
        )),
    }
}

fn verified_layer(wasm: &[u8], layer: &Layer, reference: &Reference) -> Result<(), Fault> {
    let is = digest_of(wasm);
    if is == layer.digest { Ok(()) } else { Err(other_digest(reference, "a layer", &is)) }
}

fn other_digest(reference: &Reference, what: &str, is: &Digest) -> Fault {
    fault(
        "wrong-digest",
        format!("{} sends {what} for \"{reference}\" that has the digest sha256:{is}", reference.registry),
        "what it sends is not what this graph was written for, and is not used; tell whoever runs the registry",
    )
}

/// Puts a component that imports and exports these into a registry, and says how graphs name it.
///
/// Pushing the same again changes nothing and gives the same digest. Without a tag it is `latest`.
///
/// # Errors
/// [`Fault`].
pub fn push(to: &Reference, wasm: &[u8], imports: &[String], exports: &[String]) -> Result<Reference, Fault> {
    let artifact = artifact::around(wasm, imports, exports);
    let mut client = Client::of(to)?;
    let _progress = Progress::begin(format!("pushing to {to}"), wasm.len() as u64);
    client.upload(wasm, &digest_of(wasm))?;
    client.upload(&artifact.config, &digest_of(&artifact.config))?;
    client.put_manifest(&to.version(), &artifact.manifest)?;
    // What is printed will be relied on.
    let there = client.manifest(&Version::Exactly(artifact.digest))?;
    let pinned = to.at(artifact.digest);
    verified_manifest(&there, &pinned)?;
    Ok(pinned)
}
