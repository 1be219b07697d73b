//! A real registry: Debian's `docker-registry` on a free loopback port, with a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::json;
use tempfile::TempDir;

use super::counterfeit::sha256;

/// Who may use it, as its configuration has it.
pub enum Door {
    Open,
    /// `framegate`, with the password [`PASSWORD`].
    Password,
    /// Whoever has a token signed by this certificate's key, as the service at this URL gives them out.
    Token {
        realm: String,
        certificate: String,
    },
    /// As `Password`, over TLS with the `cert.pem` and `key.pem` of this folder, on an address that is
    /// this machine's and yet not one that every program takes for it.
    Tls(PathBuf),
}

pub const PASSWORD: &str = "hush-hush";
/// [`PASSWORD`] by bcrypt, which is all that this registry understands.
const ACCOUNTS: &str = "framegate:$2b$04$cNrOmpmVhstEgGr.3S0Sp.MekCBqE1JIpwq63B4Rgd7mMHT2Iny4i\n";

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A running registry. Killed when dropped.
pub struct Registry {
    process: Child,
    _folder: TempDir,
    /// `127.0.0.1:PORT`
    pub address: String,
}

impl Registry {
    pub fn open() -> Registry {
        Registry::behind(&Door::Open)
    }

    /// Starts one and waits until it listens.
    pub fn behind(door: &Door) -> Registry {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let config = folder.path().join("config.yml");
        std::fs::write(folder.path().join("accounts"), ACCOUNTS).expect("it can be written");
        std::fs::write(&config, configuration(&folder, door)).expect("it can be written");
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{error}; on Debian or Ubuntu: sudo apt-get install docker-registry")
            });
        let mut log = BufReader::new(process.stderr.take().expect("its errors are piped"))
            .lines()
            .map_while(Result::ok);
        let mut said = Vec::new();
        let address = log.find_map(|line| {
            let address = line
                .split("listening on ")
                .nth(1)
                .and_then(|rest| rest.split(['"', ',']).next())
                .map(str::to_owned);
            said.push(line);
            address
        });
        let Some(address) = address else {
            drop((process.kill(), process.wait()));
            panic!("the registry does not listen:\n{}", said.join("\n"))
        };
        // It goes on writing, and nobody may hold it up.
        thread::spawn(move || log.for_each(drop));
        Registry { process, _folder: folder, address }
    }

    /// Ends it.
    pub fn end(self) {}

    /// Puts a container image of one empty layer there, and gives the digest of its manifest.
    pub fn put_image(&self, name: &str) -> String {
        let at = |path: &str| format!("http://{}/v2/{name}/{path}", self.address);
        let begun = ureq::post(at("blobs/uploads/")).send_empty().expect("an upload begins");
        let location = begun.headers()["location"].to_str().expect("it is text");
        let blob = sha256(b"{}");
        let done = ureq::put(location).query("digest", &blob).send(&b"{}"[..]).expect("it is taken");
        assert_eq!(done.status(), 201);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": blob, "size": 2 },
            "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": blob, "size": 2 }],
        });
        let manifest = manifest.to_string();
        let put = ureq::put(at("manifests/image")).header("Content-Type", IMAGE).send(&manifest);
        assert_eq!(put.expect("it is taken").status(), 201);
        sha256(manifest.as_bytes())
    }

    /// A blob or manifest as it is stored there, by plain HTTP.
    pub fn json(&self, path: &str, accept: &str) -> serde_json::Value {
        let request = ureq::get(format!("http://{}/v2/{path}", self.address)).header("Accept", accept);
        request.call().expect("it is there").body_mut().read_json().expect("it is JSON")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop((self.process.kill(), self.process.wait()));
    }
}

fn configuration(folder: &TempDir, door: &Door) -> String {
    let folder = folder.path().display();
    let auth = match door {
        Door::Open => String::new(),
        Door::Password | Door::Tls(_) => {
            format!("auth: {{ htpasswd: {{ realm: plugins, path: {folder}/accounts }} }}\n")
        }
        Door::Token { realm, certificate } => {
            std::fs::write(format!("{folder}/certificate"), certificate).expect("it can be written");
            format!(
                "auth:\n  token: {{ realm: \"{realm}\", service: plugins, issuer: tests, rootcertbundle: {folder}/certificate }}\n"
            )
        }
    };
    let http = match door {
        Door::Tls(pair) => {
            let pair = pair.display();
            format!("addr: \"127.0.0.2:0\", tls: {{ certificate: {pair}/cert.pem, key: {pair}/key.pem }}")
        }
        _ => "addr: \"127.0.0.1:0\"".to_owned(),
    };
    format!(
        "version: 0.1\nlog: {{ level: info, accesslog: {{ disabled: true }} }}\n\
         storage: {{ filesystem: {{ rootdirectory: {folder}/store }} }}\nhttp: {{ {http} }}\n{auth}"
    )
}
