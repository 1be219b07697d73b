//! A real browser without a window, driven over WebDriver, with nothing remembered between tests.
//!
//! Speaks the seven WebDriver commands it needs itself: they are plain JSON over HTTP, and a client
//! library would bring an async runtime into tests that only ever wait for one answer.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::cache;

/// How long anything that must happen may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// One browser with one page. Both it and its driver end when dropped.
pub struct Chromium {
    driver: Child,
    /// `http://127.0.0.1:PORT/session/ID`
    session: String,
    agent: ureq::Agent,
    _profile: TempDir,
}

impl Chromium {
    pub fn start() -> Chromium {
        Chromium::with(&[])
    }

    /// One with more arguments of its own.
    pub fn with(more: &[&str]) -> Chromium {
        let (driver, port) = driver();
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        let own = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--autoplay-policy=no-user-gesture-required",
            "--hide-scrollbars",
            &own,
        ];
        let arguments: Vec<&str> = arguments.iter().chain(more).copied().collect();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut browser = Chromium {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            agent,
            _profile: profile,
        };
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": arguments } } } });
        let made = browser.send("", &wanted);
        let id = made["sessionId"].as_str().expect("a new session has an id").to_owned();
        browser.session = format!("{}/{id}", browser.session);
        browser.be_a_desk();
        browser
    }

    pub fn open(&self, url: &str) {
        self.send("/url", &json!({ "url": url }));
    }

    /// Runs the body of a function in the page and returns what it returns.
    pub fn ask(&self, script: &str) -> Value {
        self.send("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The same for a script that calls `arguments[0]` when it is done, within 30 s.
    pub fn ask_later(&self, script: &str) -> Value {
        self.send("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Asks until the answer is neither null nor false, and returns it.
    pub fn until(&self, what: &str, script: &str) -> Value {
        let since = Instant::now();
        loop {
            let answer = self.ask(script);
            if !matches!(answer, Value::Null | Value::Bool(false)) {
                return answer;
            }
            if since.elapsed() > PATIENCE {
                let seen = self.screenshot("gave-up");
                panic!("waited in vain: {what}; see {}", seen.display());
            }
            // A page can only be asked over WebDriver; it cannot call.
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// `dark` or `light`, as a setting of the system.
    pub fn prefer(&self, colours: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": colours });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
    }

    /// Runs `script` at the start of every page from now on, before the page's own.
    pub fn before_every_page(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
    }

    pub fn be_a_desk(&self) {
        self.screen(1360, 1000, 1, false);
    }

    /// A phone's screen: narrow, dense, touched.
    pub fn be_a_phone(&self) {
        self.screen(390, 844, 2, true);
    }

    fn screen(&self, width: u32, height: u32, density: u32, mobile: bool) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": density, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Saves what is to be seen as `target/tmp/screenshots/<name>.png`.
    pub fn screenshot(&self, name: &str) -> PathBuf {
        let seen = self.devtools("Page.captureScreenshot", json!({}));
        let bytes = STANDARD.decode(seen["data"].as_str().expect("a picture as text")).expect("base64");
        let path = cache("screenshots").join(format!("{name}.png"));
        std::fs::write(&path, bytes).expect("the cache folder can be written");
        path
    }

    fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.send("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn send(&self, command: &str, body: &Value) -> Value {
        let sent = self.agent.post(format!("{}{command}", self.session)).send_json(body);
        let mut response = sent.unwrap_or_else(|error| panic!("{command}: {error}"));
        let answer: Value =
            response.body_mut().read_json().unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(response.status().is_success(), "{command} {body}: {answer:#}");
        answer["value"].clone()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Ends the browser; a test that already fails must not be drowned by one that is gone.
        drop(self.agent.delete(&self.session).call());
        drop((self.driver.kill(), self.driver.wait()));
    }
}

/// Starts the driver on a port of its own choice. It chooses one that is free for IPv4 and gives up where
/// IPv6 has it taken: then another is started.
fn driver() -> (Child, u16) {
    const MOST_TRIES: usize = 5;
    (0..MOST_TRIES).find_map(|_| try_driver()).expect("chromedriver says which port it took")
}

fn try_driver() -> Option<(Child, u16)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts; on Debian or Ubuntu: sudo apt-get install chromium-driver");
    let output = BufReader::new(driver.stdout.take().expect("its output is piped"));
    let port = output.lines().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    if port.is_none() {
        // Its output is over, so it is too; waited for, it is no zombie.
        let _ = driver.wait();
    }
    port.map(|port| (driver, port))
}
