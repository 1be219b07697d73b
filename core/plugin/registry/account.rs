//! Who we are to a registry, and whom we believe that it is one: a name, a password and a certificate for
//! exactly the one that they were given for.
//!
//! Owns where they come from: the environment, then Docker's `config.json`. They are in no message and
//! in no log; [`Account`] cannot be printed.

use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value as Json;

/// Which registry the others are for: without it a graph from anywhere could have them sent to
/// any registry it names.
const REGISTRY: &str = "FRAMEGATE_REGISTRY";
const USER: &str = "FRAMEGATE_REGISTRY_USER";
const PASSWORD: &str = "FRAMEGATE_REGISTRY_PASSWORD";
/// A PEM file: who vouches for that registry, where it is nobody whom browsers know.
pub const AUTHORITY: &str = "FRAMEGATE_REGISTRY_CA";

/// Docker writes its own registry in this way, for historical reasons.
const DOCKER_HUB: &str = "index.docker.io";
/// A file of credentials is a few lines.
const MOST_BYTES: u64 = 1 << 20;

/// How to get into one registry.
pub struct Account {
    login: Option<Login>,
    /// The only certificates to trust; the usual ones if there is none.
    pub authority: Option<PathBuf>,
    /// Where it was looked for and found, or not, for messages.
    pub source: String,
}

struct Login {
    user: String,
    password: String,
}

impl Account {
    /// The one for `registry`, named as in a reference.
    pub fn at(registry: &str) -> Account {
        Account::found(registry, &|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn found(registry: &str, variable: &dyn Fn(&str) -> Option<String>) -> Account {
        let is_meant = variable(REGISTRY).is_some_and(|named| is_same(&named, registry));
        let authority = variable(AUTHORITY).filter(|_| is_meant).map(PathBuf::from);
        if let (true, Some(user), Some(password)) = (is_meant, variable(USER), variable(PASSWORD)) {
            let login = Some(Login { user, password });
            return Account { login, authority, source: format!("with the account of {USER}") };
        }
        let folder = variable("DOCKER_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".docker")));
        let Some(file) = folder.map(|folder| folder.join("config.json")) else {
            return Account { login: None, authority, source: "without an account".to_owned() };
        };
        let login = read(&file).and_then(|config| login_in(&config, registry));
        let shown = file.display();
        let source = match login {
            Some(_) => format!("with the account from {shown}"),
            None => format!("without an account: {shown} has none for {registry}"),
        };
        Account { login, authority, source }
    }

    /// The value of `Authorization` for the basic scheme (RFC 7617); `None` for the anonymous.
    pub fn basic(&self) -> Option<String> {
        let Login { user, password } = self.login.as_ref()?;
        Some(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
    }
}

/// What a user who was turned away can do.
pub fn advice(registry: &str) -> String {
    format!("run `docker login {registry}`, or set {REGISTRY}={registry}, {USER} and {PASSWORD}")
}

fn read(file: &Path) -> Option<Json> {
    let found = fs::metadata(file).ok()?;
    let text = (found.is_file() && found.len() <= MOST_BYTES).then(|| fs::read(file).ok())??;
    serde_json::from_slice(&text).ok()
}

fn login_in(config: &Json, registry: &str) -> Option<Login> {
    let entries = config["auths"].as_object()?;
    let (_, entry) = entries.iter().find(|(key, _)| is_same(key, registry))?;
    let text = |key: &str| entry[key].as_str().map(str::to_owned).filter(|text| !text.is_empty());
    if let (Some(user), Some(password)) = (text("username"), text("password")) {
        return Some(Login { user, password });
    }
    let pair = String::from_utf8(BASE64.decode(text("auth")?).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some(Login { user: user.to_owned(), password: password.trim_end_matches('\0').to_owned() })
}

/// Whether `key`, a host or a URL as `docker login` writes it, is about `registry`.
fn is_same(key: &str, registry: &str) -> bool {
    let host = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    host == registry || (host == DOCKER_HUB && registry == "docker.io")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn account(registry: &str, variables: &[(&str, &str)]) -> Account {
        Account::found(registry, &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environments_account_is_for_the_registry_it_names_alone() {
        let variables = [(REGISTRY, "localhost:5000"), (USER, "me"), (PASSWORD, "hush")];
        let basic = account("localhost:5000", &variables).basic().unwrap();
        assert_eq!(basic, format!("Basic {}", BASE64.encode("me:hush")));
        assert!(account("localhost:5001", &variables).basic().is_none());
        assert!(account("localhost:5000", &variables[1..]).basic().is_none());
    }

    #[test]
    fn dockers_accounts_are_read_in_all_their_forms() {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({ "auths": {
            "localhost:5000": { "auth": BASE64.encode("me:hu:sh") },
            "https://registry.example.org/v2/": { "username": "you", "password": "pst" },
            "https://index.docker.io/v1/": { "auth": BASE64.encode("hub:hush") },
            "broken": { "auth": "no base64" },
        } });
        fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let variables = [("DOCKER_CONFIG", folder.path().to_str().unwrap())];
        let pair =
            |registry: &str| account(registry, &variables).login.map(|login| (login.user, login.password));
        let of = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(pair("localhost:5000"), of("me", "hu:sh"));
        assert_eq!(pair("registry.example.org"), of("you", "pst"));
        assert_eq!(pair("docker.io"), of("hub", "hush"));
        assert_eq!(pair("broken"), None);
        assert_eq!(pair("registry.example.org.evil.example"), None);
        assert!(account("other", &variables).source.contains("has none for other"));
    }
}
