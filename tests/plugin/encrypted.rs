//! A registry elsewhere, as far as the program can tell: over TLS, and only if it is the one it says it is.

use std::path::Path;
use std::process::Command;

use crate::desk::Desk;
use crate::support::python::must;
use crate::support::registry::{Door, PASSWORD, Registry};

const REQUEST: &str = "[req]\ndistinguished_name = name\nx509_extensions = extra\nprompt = no\n\
     [name]\nCN = a registry\n\
     [extra]\nsubjectAltName = IP:127.0.0.2\nbasicConstraints = critical, CA:FALSE\n";

/// Makes `cert.pem` and `key.pem` in `folder`.
fn certify(folder: &Path) {
    std::fs::write(folder.join("request.cnf"), REQUEST).expect("a temporary file can be written");
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-days", "2", "-config", "request.cnf", "-keyout", "key.pem", "-out", "cert.pem"]);
    must(openssl.current_dir(folder), "a certificate could not be made");
}

#[test]
fn a_registry_elsewhere_is_spoken_to_over_tls_and_believed_by_its_certificate_alone() {
    let (desk, folder, other) = (Desk::new(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certify(folder.path());
    certify(other.path());
    let registry = Registry::behind(&Door::Tls(folder.path().to_owned()));
    let to = format!("{}/night:1", registry.address);
    let push = |certificate: &Path, meant: &str| {
        let variables = [
            ("FRAMEGATE_REGISTRY", meant),
            ("FRAMEGATE_REGISTRY_USER", "framegate"),
            ("FRAMEGATE_REGISTRY_PASSWORD", PASSWORD),
            ("FRAMEGATE_REGISTRY_CA", certificate.to_str().unwrap()),
        ];
        desk.framegate_with(&["plugin", "push", "grayscale", &to], &variables)
    };
    let (right, wrong) = (folder.path().join("cert.pem"), other.path().join("cert.pem"));
    // Nobody whom browsers know, nor somebody else's word, nor a word that is meant for another.
    for seen in
        [desk.framegate(&["plugin", "pull", &to]), push(&wrong, &registry.address), push(&right, "localhost")]
    {
        let seen = seen.ill();
        assert!(seen.contains("cannot be reached: its TLS is not to be trusted: "), "{seen}");
    }
    let seen = push(&folder.path().join("key.pem"), &registry.address).ill();
    assert!(seen.contains("it holds no certificate") && seen.contains("FRAMEGATE_REGISTRY_CA"), "{seen}");
    let seen = push(&right, &registry.address);
    assert!(seen.out.starts_with(&format!("plugin: oci://{to}@sha256:")), "{}", seen.all());
}
