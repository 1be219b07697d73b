//! A YAML value as JSON: what the rest of the checker reads, whatever the file was written in.
//!
//! Owns merge keys, keys given twice and values that have no place in JSON.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::{Map, Value as Json};

/// A YAML value as JSON.
pub(super) struct Tree(pub Json);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree(Json::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree(value.into()))
    }

    // Wider whole numbers and `.inf` have no place in JSON; as text they fit no number and are told.
    fn visit_i128<E>(self, value: i128) -> Result<Tree, E> {
        Ok(Tree(Json::String(value.to_string())))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Tree, E> {
        Ok(Tree(Json::String(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        let number = serde_json::Number::from_f64(value);
        Ok(Tree(number.map_or_else(|| Json::String(value.to_string()), Json::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree(Json::String(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree(Json::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree(Json::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(Tree(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree(Json::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut mapping = Map::new();
        let mut merges = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            let Tree(value) = entries.next_value()?;
            match key.as_str() {
                "<<" => merges.push(value),
                _ if mapping.contains_key(&key) => {}
                _ => drop(mapping.insert(key, value)),
            }
        }
        merges.into_iter().for_each(|from| merge(&mut mapping, from));
        Ok(Tree(Json::Object(mapping)))
    }

    /// A tagged value: tags such as `!env` mean nothing here, and guessing would hide a mistake.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Tree, A::Error> {
        let (tag, value) = tagged.variant::<String>()?;
        value.newtype_variant::<de::IgnoredAny>()?;
        Err(de::Error::custom(format!("the tag `!{tag}` has no meaning in a graph; remove it")))
    }
}

/// `<<: *base` gives the keys that are not given here; of several, the first that has a key.
fn merge(mapping: &mut Map<String, Json>, from: Json) {
    match from {
        Json::Object(entries) => {
            for (key, value) in entries {
                mapping.entry(key).or_insert(value);
            }
        }
        Json::Array(all) => all.into_iter().for_each(|one| merge(mapping, one)),
        // Nothing to merge: kept as a key, so that it is found to be unknown.
        other => drop(mapping.insert("<<".to_owned(), other)),
    }
}
