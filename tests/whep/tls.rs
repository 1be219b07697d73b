//! HTTPS against the running binary, with certificates made for the test.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::GRAPH;
use super::support::binary::Framegate;
use super::support::python::must;

const REQUEST: &str = "[req]\ndistinguished_name = name\nx509_extensions = extra\nprompt = no\n\
     [name]\nCN = framegate test\n\
     [extra]\nsubjectAltName = IP:127.0.0.1, DNS:localhost\nbasicConstraints = critical, CA:FALSE\n";

/// Makes `cert.pem` and `key.pem` in `folder`, new at every call.
fn certify(folder: &Path) {
    let request = folder.join("request.cnf");
    std::fs::write(&request, REQUEST).expect("a temporary file can be written");
    must(
        Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-config", "request.cnf", "-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(folder),
        "a certificate could not be made; on Debian or Ubuntu: sudo apt-get install openssl",
    );
}

fn serve(folder: &Path) -> Framegate {
    let graph = format!(
        "{GRAPH}\nserver: {{ tls: {{ certificate: {0}/cert.pem, key: {0}/key.pem }} }}\n",
        folder.display()
    );
    Framegate::run_text(&graph, &[])
}

/// Asks over a new connection, trusting nothing but the certificate that is in `folder` now.
fn ask(url: &str, folder: &Path) -> Result<String, String> {
    let trusted = std::fs::read(folder.join("cert.pem")).expect("the certificate is there");
    let trusted = Certificate::from_pem(&trusted).expect("openssl writes PEM");
    let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[trusted])).build();
    let config = ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(Duration::from_secs(60)));
    let mut answer = config.build().new_agent().get(url).call().map_err(|error| error.to_string())?;
    answer.body_mut().read_to_string().map_err(|error| error.to_string())
}

#[test]
fn the_page_is_served_over_https_and_a_changed_certificate_holds_without_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    certify(folder.path());
    let server = serve(folder.path());
    assert!(server.url.starts_with("https://"), "{}", server.url);
    assert_eq!(ask(&server.at("healthz"), folder.path()).as_deref(), Ok("ok\n"));

    certify(folder.path());
    assert_eq!(ask(&server.at("healthz"), folder.path()).as_deref(), Ok("ok\n"), "{}", server.log());

    // Half of a renewal: the old pair stays in force until the other half is there.
    let good = std::fs::read(folder.path().join("key.pem")).expect("the key is there");
    std::fs::write(folder.path().join("key.pem"), "no key").expect("it can be written");
    assert_eq!(ask(&server.at("healthz"), folder.path()).as_deref(), Ok("ok\n"));
    server.wait_for("stays in force");
    std::fs::write(folder.path().join("key.pem"), good).expect("it can be written");
    assert_eq!(ask(&server.at("healthz"), folder.path()).as_deref(), Ok("ok\n"));
}

#[test]
fn a_caller_that_speaks_no_tls_ends_its_own_connection_only() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    certify(folder.path());
    let server = serve(folder.path());
    let plain = server.at("healthz").replace("https:", "http:");
    assert!(ureq::get(&plain).call().is_err());
    assert_eq!(ask(&server.at("healthz"), folder.path()).as_deref(), Ok("ok\n"));
}

#[test]
fn a_certificate_that_cannot_be_read_is_told_with_its_setting_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let graph = folder.path().join("graph.yaml");
    let text = format!(
        "{GRAPH}\nserver: {{ listen: 0, udp_port: 0, tls: {{ certificate: no.pem, key: no.key }} }}\n"
    );
    std::fs::write(&graph, text).expect("a temporary file can be written");
    let run = Command::new(env!("CARGO_BIN_EXE_framegate")).arg("run").arg(&graph).output();
    let run = run.expect("the binary under test starts");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!run.status.success());
    assert!(said.contains("server.tls.certificate") && said.contains("no.pem"), "{said}");
}
