//! What a plugin looks like in a registry: a manifest, an almost empty config and one layer.
//!
//! Owns that layout, which is the Wasm OCI artifact of the CNCF's TAG Runtime, so that `wkg` and other
//! tools read what is pushed here and the other way round. Pure: bytes in, bytes out.

use serde::Deserialize;
use serde_json::json;

use super::digest_of;
use super::fault::{Fault, fault};
use crate::node::{Digest, units};
use crate::plugin::program::MOST_BYTES;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";

/// What is asked for: also what is of no use, so that it can be told by name rather than be missing.
pub const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                            application/vnd.docker.distribution.manifest.v2+json, \
                            application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest of one layer has some 500 bytes.
pub const MOST_OF_A_MANIFEST: u64 = 256 << 10;

/// The one layer of an artifact: the component itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    pub digest: Digest,
    /// In bytes, at most what a plugin may have.
    pub size: u64,
}

/// An artifact ready to be pushed.
pub struct Artifact {
    pub config: Vec<u8>,
    pub manifest: Vec<u8>,
    /// Of the manifest: what graphs name.
    pub digest: Digest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    /// Of an index.
    manifests: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

/// Whether bytes from a registry are a manifest at all, of whatever.
pub fn is_manifest(bytes: &[u8]) -> bool {
    let read = serde_json::from_slice::<Manifest>(bytes);
    read.is_ok_and(|manifest| manifest.layers.is_some() || manifest.manifests.is_some())
}

/// The layer of the artifact `called`, whose manifest is `bytes`.
///
/// # Errors
/// `not-wasm-artifact`, `plugin-too-large`.
pub fn layer(bytes: &[u8], called: &dyn std::fmt::Display) -> Result<Layer, Fault> {
    let other = |what: String| {
        fault(
            "not-wasm-artifact",
            format!("\"{called}\" is no plugin: {what}"),
            format!(
                "name a Wasm OCI artifact (config {CONFIG}, one layer {LAYER}), as `framegate plugin push` makes"
            ),
        )
    };
    let manifest: Manifest =
        serde_json::from_slice(bytes).map_err(|_| other("its manifest cannot be read".to_owned()))?;
    if manifest.manifests.is_some() {
        return Err(other(format!("it is a list of images for several platforms ({INDEX} or like it)")));
    }
    let config = manifest.config.map(|config| config.media_type);
    let config = config.or(manifest.media_type).unwrap_or_else(|| "nothing".to_owned());
    if config != CONFIG {
        return Err(other(format!("its config is {}", named(&config))));
    }
    let layers = manifest.layers.unwrap_or_default();
    let [layer] = &layers[..] else {
        return Err(other(format!("it has {} layers", layers.len())));
    };
    if layer.media_type != LAYER {
        return Err(other(format!("its layer is {}", named(&layer.media_type))));
    }
    let digest = layer.digest.strip_prefix("sha256:").and_then(Digest::parse);
    let digest = digest.ok_or_else(|| other("its layer is not named by a SHA-256".to_owned()))?;
    if layer.size > MOST_BYTES as u64 {
        return Err(too_large(called, layer.size));
    }
    Ok(Layer { digest, size: layer.size })
}

fn too_large(called: &dyn std::fmt::Display, size: u64) -> Fault {
    let most = units::show_bytes(MOST_BYTES as u64);
    fault(
        "plugin-too-large",
        format!("\"{called}\" has {size} bytes, and a plugin may have at most {most}"),
        "build it without debug information and with `opt-level = \"s\"`, or leave out what it does not need",
    )
}

/// A media type, as far as it is one.
fn named(text: &str) -> String {
    let harmless = |c: &char| c.is_ascii_graphic();
    text.chars().filter(harmless).take(100).collect()
}

/// The artifact around a component that imports and exports these.
///
/// The same component always makes the same artifact, so pushing it twice gives one digest: that is
/// why its `created` is no time at all.
pub fn around(wasm: &[u8], imports: &[String], exports: &[String]) -> Artifact {
    let layer = format!("sha256:{}", digest_of(wasm));
    let config = json!({
        "created": "1970-01-01T00:00:00Z",
        "author": null,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer],
        "component": { "exports": exports, "imports": imports, "target": null },
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": format!("sha256:{}", digest_of(&config)), "size": config.len() },
        "layers": [{ "mediaType": LAYER, "digest": layer, "size": wasm.len() }],
    });
    let manifest = manifest.to_string().into_bytes();
    let digest = digest_of(&manifest);
    Artifact { config, manifest, digest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    const WASM: &[u8] = b"\0asm\x0d\0\x01\0";

    fn changed(change: impl FnOnce(&mut Json)) -> Fault {
        let mut manifest: Json = serde_json::from_slice(&around(WASM, &[], &[]).manifest).unwrap();
        change(&mut manifest);
        layer(manifest.to_string().as_bytes(), &"it").unwrap_err()
    }

    #[test]
    fn what_is_made_here_is_read_here_and_is_the_same_every_time() {
        let artifact = around(WASM, &["a:b/c@0.1.0".to_owned()], &[]);
        assert_eq!(layer(&artifact.manifest, &"it").unwrap(), Layer { digest: digest_of(WASM), size: 8 });
        assert_eq!(artifact.digest, around(WASM, &["a:b/c@0.1.0".to_owned()], &[]).digest);
        assert!(is_manifest(&artifact.manifest) && !is_manifest(b"<html>") && !is_manifest(b"{}"));
    }

    #[test]
    fn what_is_no_plugin_is_told_by_what_it_is() {
        for (fault, words) in [
            (
                changed(|it| it["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json")),
                "image.config.v1",
            ),
            (
                changed(|it| it["layers"][0]["mediaType"] = json!("application/x-tar")),
                "its layer is application/x-tar",
            ),
            (changed(|it| it["layers"] = json!([])), "0 layers"),
            (changed(|it| it["layers"][0]["digest"] = json!("sha512:00")), "SHA-256"),
            (changed(|it| *it = json!({ "manifests": [] })), "several platforms"),
            (changed(|it| *it = json!([])), "cannot be read"),
            (changed(|it| it["layers"][0]["size"] = json!(-1)), "cannot be read"),
        ] {
            assert!(fault.code == "not-wasm-artifact" && fault.message.contains(words), "{fault}");
        }
        let fault = changed(|it| it["layers"][0]["size"] = json!(MOST_BYTES + 1));
        assert!(fault.code == "plugin-too-large" && fault.message.contains("at most 64MiB"), "{fault}");
    }
}
