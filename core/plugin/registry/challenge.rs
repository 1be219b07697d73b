//! `WWW-Authenticate`: how a registry wants to be told who is there (RFC 9110 §11.6.1).
//!
//! Owns reading the header. Pure; leaves answering it to `client`.

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password (RFC 7617).
    Basic,
    /// A token, which somebody else gives out (the distribution project's token protocol).
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Challenge {
    /// Reads one header; `None` when it asks for something that we have not.
    pub fn read(header: &str) -> Option<Challenge> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        for (name, value) in parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
        }
        Some(Challenge::Bearer { realm: realm?, service, scope })
    }
}

/// `name="a value", other=word`. What cannot be read ends it.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_owned();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let Some((value, after)) = unquoted(quoted) else { break };
                (value, after)
            }
            None => {
                let end = after.find([',', ' ']).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        found.push((name, value));
        rest = after;
    }
    found
}

/// A quoted string without its quotes, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_registries_are_understood() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            let (service, scope) = (service.map(str::to_owned), scope.map(str::to_owned));
            Some(Challenge::Bearer { realm: realm.to_owned(), service, scope })
        };
        for (header, challenge) in [
            ("Basic realm=\"plugins\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                r#"Bearer realm="https://auth.example.org/token",service="registry",scope="repository:a/b:pull,push""#,
                bearer("https://auth.example.org/token", Some("registry"), Some("repository:a/b:pull,push")),
            ),
            (r#"Bearer service=x, realm="a\"b""#, bearer("a\"b", Some("x"), None)),
            (r#"Bearer realm="unfinished"#, None),
            ("Bearer", None),
            ("Digest realm=\"x\"", None),
            ("", None),
        ] {
            assert_eq!(Challenge::read(header), challenge, "{header}");
        }
    }
}
