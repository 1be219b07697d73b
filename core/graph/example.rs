//! The example of a kind, read as a graph's node would be: how documentation learns of its ports.

use serde_json::Value as Json;

use super::document::{self, Node, Wires};
use super::origins::Origins;
use super::resolve::{Signed, sign};
use super::settings::Reader;
use crate::diagnostic::Path;
use crate::node::{Contract, NodeKind, Setting, Settings, Takes};

/// Settings and contract of the kind's own example. `None` when the example needs something that
/// is not here, such as a file.
pub fn example(kind: &dyn NodeKind) -> Option<(Settings, Contract)> {
    let about = kind.about();
    let mut json = document::parse(about.example).ok()?;
    let json = match &mut json {
        Json::Array(nodes) => nodes.first_mut()?.take(),
        _ => json,
    };
    let Json::Object(mut entries) = json else { return None };
    if let Some(Json::Object(with)) = entries.get_mut("with") {
        // The files of an example are not there. Standard input always is, though what else the
        // example says of its file may not suit it.
        let is_path = |setting: &&Setting| matches!(setting.takes, Takes::Path);
        for file in about.with.iter().filter(is_path) {
            with.retain(|key, _| about.with.iter().any(|setting| setting.required && setting.name == key));
            with.entry(file.name).and_modify(|path| *path = "-".into());
        }
    }
    let path = Path::root();
    let node = Node { path, id: None, kind: None, entries, wires: Wires::Read(Vec::new()) };
    let origins = Origins::default();
    let mut reader = Reader::new(&origins);
    let Signed { settings, contract, .. } = sign(&mut reader, &node, kind)?;
    Some((settings, contract))
}
