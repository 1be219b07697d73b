//! A registry that takes tokens only, and the service that gives them out: real signatures, checked by
//! the real registry.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

use crate::desk::Desk;
use crate::support::counterfeit::{Request, Server, write};
use crate::support::python::must;
use crate::support::registry::{Door, Registry};

/// `me:hush`
const ACCOUNT: &str = "Basic bWU6aHVzaA==";

/// Makes a key and a certificate of it in `folder`.
fn certify(folder: &Path) -> String {
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=tests",
        "-keyout",
    ]);
    must(openssl.arg(key).arg("-out").arg(&certificate), "a certificate could not be made");
    fs::read_to_string(certificate).unwrap()
}

/// A token in the form of the distribution project (RS256, its certificate along with it).
fn token(folder: &Path, certificate: &str, access: Json) -> String {
    let chain: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(STANDARD.decode(&chain).is_ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let head = json!({ "typ": "JWT", "alg": "RS256", "x5c": [chain] });
    let claims = json!({
        "iss": "tests", "aud": "plugins", "sub": "me", "jti": now.to_string(),
        "iat": now - 60, "nbf": now - 60, "exp": now + 3600, "access": access,
    });
    let part = |json: Json| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(head), part(claims));
    let file = tempfile::NamedTempFile::new_in(folder).unwrap();
    fs::write(file.path(), &signed).unwrap();
    let mut openssl = Command::new("openssl");
    openssl
        .args(["dgst", "-sha256", "-sign"])
        .arg(folder.join("key.pem"))
        .arg(file.path())
        .stdin(Stdio::null());
    let signature = must(&mut openssl, "a token could not be signed").stdout;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What `?service=plugins&scope=repository:night:pull,push` asks for, if it is asked of us.
fn scope(request: &Request) -> Option<(String, Vec<String>)> {
    let query = request.line.split(['?', ' ']).nth(2)?.replace("%3A", ":").replace("%2C", ",");
    let pairs: Vec<&str> = query.split('&').collect();
    let scope = pairs.iter().find_map(|pair| pair.strip_prefix("scope=repository:"))?;
    let (name, actions) = scope.split_once(':')?;
    let actions = actions.split(',').map(str::to_owned).collect();
    pairs.contains(&"service=plugins").then(|| (name.to_owned(), actions))
}

#[test]
fn tokens_are_fetched_for_what_is_done_anonymously_or_with_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = certify(folder.path());
    let (place, signing) = (folder.path().to_owned(), certificate.clone());
    // Anybody may pull; whoever has an account may push.
    let service = Server::answering(move |request, to| {
        let Some((name, mut actions)) = scope(request) else { return write(to, "400 Bad Request", "", b"") };
        match &request.authorization {
            Some(account) if account == ACCOUNT => {}
            Some(_) => return write(to, "401 Unauthorized", "", b""),
            None => actions.retain(|action| action == "pull"),
        }
        let access = json!([{ "type": "repository", "name": name, "actions": actions }]);
        let token = token(&place, &signing, access);
        write(
            to,
            "200 OK",
            "Content-Type: application/json\r\n",
            json!({ "token": token }).to_string().as_bytes(),
        );
    });
    let realm = format!("http://{}/token", service.address);
    let registry = Registry::behind(&Door::Token { realm, certificate });
    let desk = Desk::new();
    let to = format!("{}/night:1", registry.address);
    let with = |user: &str, arguments: &[&str]| {
        let variables = [
            ("FRAMEGATE_REGISTRY", registry.address.as_str()),
            ("FRAMEGATE_REGISTRY_USER", user),
            ("FRAMEGATE_REGISTRY_PASSWORD", "hush"),
        ];
        desk.framegate_with(arguments, &variables)
    };
    let push = ["plugin", "push", "grayscale", to.as_str()];
    assert!(desk.framegate(&push).ill().contains("401 Unauthorized for \"night\", asked without an account"));
    assert!(with("you", &push).ill().contains("asked with the account of FRAMEGATE_REGISTRY_USER"));
    let pushed = with("me", &push).well();
    assert_eq!(desk.framegate(&["plugin", "pull", &to]).well(), pushed);
}
