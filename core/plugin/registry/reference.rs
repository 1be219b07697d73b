//! `oci://registry/name:tag@sha256:…`: where a plugin is, and which one it is.
//!
//! Owns the grammar, which is that of the OCI distribution specification with the registry always
//! written. Leaves asking anybody to `client`.

use std::fmt;

use super::fault::{Fault, fault};
use crate::node::Digest;

const SCHEME: &str = "oci://";
/// What a registry's name and its repositories' together may have.
const LONGEST: usize = 255;
const LONGEST_TAG: usize = 128;

/// Whether `text`, which stands where a plugin is named, is an address rather than a name.
pub fn is_address(text: &str) -> bool {
    text.contains("://")
}

/// An artifact in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// As written: `registry.example.org`, `localhost:5000`, `[::1]:5000`.
    pub registry: String,
    /// `tools/night`
    pub name: String,
    pub tag: Option<String>,
    /// Of the manifest. It decides, whatever the tag says.
    pub digest: Option<Digest>,
}

/// Which of an artifact's manifests is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// This one, for all time.
    Exactly(Digest),
    /// The one that has the tag now.
    Tagged(String),
}

impl Reference {
    /// Reads a reference as a graph has it, with `oci://` in front.
    ///
    /// # Errors
    /// `bad-reference`.
    pub fn parse(text: &str) -> Result<Reference, Fault> {
        match text.strip_prefix(SCHEME) {
            Some(rest) => Reference::bare(rest),
            None => {
                let scheme = text.split("://").next().unwrap_or_default();
                Err(bad(format!("plugins are not fetched by {scheme}://, only from OCI registries")))
            }
        }
    }

    /// Reads a reference as commands take it, where `oci://` may be left out.
    ///
    /// # Errors
    /// `bad-reference`.
    pub fn bare(text: &str) -> Result<Reference, Fault> {
        let text = text.strip_prefix(SCHEME).unwrap_or(text);
        let (rest, digest) = match text.rsplit_once('@') {
            Some((rest, digest)) => (rest, Some(self::digest(digest)?)),
            None => (text, None),
        };
        // Said without repeating it: what is in front of the first @ may be a password.
        if rest.contains('@') {
            return Err(bad("it holds an @ that no digest follows; credentials do not belong here"));
        }
        let (registry, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_registry(registry) {
            return Err(bad(format!("\"{registry}\" is no registry: a host, with :PORT where it needs one")));
        }
        let (name, tag) = match path.split_once(':') {
            Some((name, tag)) => (name, Some(tag.to_owned())),
            None => (path, None),
        };
        if !is_name(name) || registry.len() + name.len() > LONGEST {
            let rule = "small letters and digits in parts divided by /, within them ., _ or -";
            return Err(bad(format!("\"{name}\" is no name in a registry: {rule}")));
        }
        if let Some(tag) = tag.as_deref().filter(|tag| !is_tag(tag)) {
            let rule = "letters, digits, _, . and -, at most 128";
            return Err(bad(format!("\"{tag}\" is no tag: {rule}")));
        }
        Ok(Reference { registry: registry.to_owned(), name: name.to_owned(), tag, digest })
    }

    /// The digest that a graph must give.
    ///
    /// # Errors
    /// `unpinned-plugin`, which says how to come by it.
    pub fn pinned(&self) -> Result<Digest, Fault> {
        self.digest.ok_or_else(|| {
            fault(
                "unpinned-plugin",
                format!("\"{self}\" has no digest, and what a tag names may change at any time"),
                format!(
                    "run `framegate plugin pull {}`: it prints the line with `@sha256:…` to put here",
                    self.without_scheme()
                ),
            )
        })
    }

    /// What to ask a registry for; `latest` where nothing is said, as everywhere.
    pub fn version(&self) -> Version {
        match (self.digest, &self.tag) {
            (Some(digest), _) => Version::Exactly(digest),
            (None, Some(tag)) => Version::Tagged(tag.clone()),
            (None, None) => Version::Tagged("latest".to_owned()),
        }
    }

    /// The same, pinned to `digest`.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Reference {
        Reference { digest: Some(digest), ..self.clone() }
    }

    /// Whether the registry is this machine: only there nobody is in between who could listen.
    pub fn is_local(&self) -> bool {
        let host = match self.registry.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.registry.split(':').next().unwrap_or_default(),
        };
        matches!(host, "localhost" | "127.0.0.1" | "::1")
    }

    /// As commands take it: `registry.example.org/night:1`.
    pub fn without_scheme(&self) -> String {
        self.to_string().split_off(SCHEME.len())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@sha256:{digest}"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Version::Exactly(digest) => write!(f, "sha256:{digest}"),
            Version::Tagged(tag) => f.write_str(tag),
        }
    }
}

fn bad(why: impl fmt::Display) -> Fault {
    fault(
        "bad-reference",
        why.to_string(),
        "write oci://REGISTRY/NAME@sha256:DIGEST, as `framegate plugin push` prints it",
    )
}

fn digest(text: &str) -> Result<Digest, Fault> {
    let digest = text.strip_prefix("sha256:").and_then(Digest::parse);
    // The end of a password with an @ in it would stand here too.
    digest.ok_or_else(|| bad("what follows @ must be sha256: and 64 hexadecimal digits"))
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
                (host, port.strip_prefix(':').or(port.is_empty().then_some("1")))
            }
            _ => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("1")),
        },
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    let port = port.filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    !host.is_empty()
        && host.chars().all(is_host)
        && port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        let divided = part.chars().all(|c| is_inner(c) || matches!(c, '.' | '_' | '-'));
        divided && part.starts_with(is_inner) && part.ends_with(is_inner) && !part.contains("..")
    };
    text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.len() <= LONGEST_TAG
        && !text.is_empty()
        && text.chars().all(is_inner)
        && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn a_reference_prints_as_it_is_written() {
        for text in [
            "oci://registry.example.org/night",
            "oci://localhost:5000/tools/night:1.0",
            &format!("oci://[::1]:5000/a/b_c/d-e.f@sha256:{DIGEST}"),
            &format!("oci://127.0.0.1:5000/night:v1@sha256:{DIGEST}"),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference.to_string(), *text);
            assert_eq!(Reference::bare(&reference.without_scheme()), Ok(reference));
        }
    }

    #[test]
    fn what_is_none_is_told_what_it_lacks() {
        for (text, words) in [
            ("https://registry.example.org/night", "by https://"),
            ("oci://", "\"\" is no registry"),
            ("oci://night", "\"\" is no name"),
            ("oci://registry:port/night", "\"registry:port\" is no registry"),
            ("oci://registry:99999/night", "is no registry"),
            ("oci://[::1/night", "is no registry"),
            ("oci://registry/Night", "\"Night\" is no name"),
            ("oci://registry/../night", "is no name"),
            ("oci://registry/a//b", "is no name"),
            ("oci://registry/night:", "\"\" is no tag"),
            ("oci://registry/night@sha256:00ff", "64 hexadecimal digits"),
            ("oci://registry/night@md5:00ff", "must be sha256:"),
        ] {
            let fault = Reference::parse(text).unwrap_err();
            assert_eq!(fault.code, "bad-reference");
            assert!(fault.message.contains(words), "{text}: {fault}");
        }
    }

    #[test]
    fn credentials_in_a_reference_are_refused_and_not_repeated() {
        for text in [
            format!("oci://me:hush@registry/night@sha256:{DIGEST}"),
            "oci://me:hush@registry/night".to_owned(),
        ] {
            let fault = Reference::parse(&text).unwrap_err();
            assert!(fault.code == "bad-reference" && !fault.to_string().contains("hush"), "{fault}");
        }
    }

    #[test]
    fn the_digest_decides_and_a_graph_cannot_do_without_it() {
        let tagged = Reference::parse("oci://registry/night:1").unwrap();
        assert_eq!(tagged.version(), Version::Tagged("1".to_owned()));
        let fault = tagged.pinned().unwrap_err();
        assert!(
            fault.code == "unpinned-plugin" && fault.help.contains("plugin pull registry/night:1`"),
            "{fault}"
        );
        let digest = Digest::parse(DIGEST).unwrap();
        assert_eq!(tagged.at(digest).version(), Version::Exactly(digest));
        assert_eq!(
            Reference::bare("registry/night").unwrap().version(),
            Version::Tagged("latest".to_owned())
        );
    }

    #[test]
    fn only_this_machine_is_local() {
        let local = |registry: &str| Reference::bare(&format!("{registry}/night")).unwrap().is_local();
        assert!(["localhost", "localhost:5000", "127.0.0.1:1", "[::1]:5000", "[::1]"].into_iter().all(local));
        assert!(
            !["localhost.example.org", "127.0.0.2", "127.0.0.1.example.org", "[::2]", "10.0.0.1:80"]
                .into_iter()
                .any(local)
        );
    }
}
