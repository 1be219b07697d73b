//! `framegate top`: how a running graph does, node by node, in the terminal.
//!
//! Owns asking the graph's API once a second, and the keys. What the answers say is worked out in
//! `figures`, and drawn in `screen`. Knows a graph only by its address, so it may run anywhere.

mod figures;
mod screen;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::{misused, print};
use figures::{Graph, View};

/// From one look to the next.
const EACH: Duration = Duration::from_secs(1);
/// An answer that takes longer does not come.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Where the token is, when it is not given: an argument is seen by everybody on the machine.
const TOKEN: &str = "FRAMEGATE_TOKEN";

/// Shows how a running graph does: rates, times, latency and what is lost
///
/// Reads /api/graph of a `framegate run`, here or elsewhere, once a second.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate top
  framegate top https://cam.example.org:8443
  framegate top --once | grep lost

Where the server wants a token, it is taken from the variable FRAMEGATE_TOKEN; the right `view` is enough.

Exit status: 0 it was shown, 1 the server does not answer, 2 the command was misused.")]
pub struct Args {
    /// Where the page of the graph is
    #[arg(default_value = "http://127.0.0.1:8080/")]
    url: String,
    /// Print two looks' worth as text and leave; so it is too where the output is no terminal
    #[arg(long)]
    once: bool,
}

pub fn main(args: Args) -> ExitCode {
    let server = match Server::at(&args.url) {
        Ok(server) => server,
        Err(message) => return misused(&message),
    };
    let shown = match args.once || !io::stdout().is_terminal() {
        true => once(&server),
        false => follow(&server),
    };
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("framegate: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Two looks make rates.
fn once(server: &Server) -> Result<(), String> {
    let before = server.graph()?;
    std::thread::sleep(EACH);
    print(&View::of(&server.graph()?, Some(&before)).text());
    Ok(())
}

/// Until somebody has seen enough.
fn follow(server: &Server) -> Result<(), String> {
    // Before the terminal is taken over: whoever mistyped the address should read why.
    let mut seen = server.graph()?;
    let mut view = View::of(&seen, None);
    let unusable = |error: io::Error| format!("the terminal cannot be used: {error}");
    let mut terminal = ratatui::try_init().map_err(unusable)?;
    let ended = loop {
        if let Err(error) = terminal.draw(|frame| screen::draw(frame, &view, &server.url)) {
            break Err(unusable(error));
        }
        match wait(EACH) {
            Ok(Wish::Look) => {}
            Ok(Wish::Leave) => break Ok(()),
            Err(error) => break Err(unusable(error)),
        }
        match server.graph() {
            Ok(now) => {
                view = View::of(&now, Some(&seen));
                seen = now;
            }
            // It may only be restarting.
            Err(message) => view.silent = Some(message),
        }
    };
    ratatui::restore();
    ended
}

/// What whoever sits there wants next.
enum Wish {
    Look,
    Leave,
}

/// Waits for the time of the next look, or for a key before that.
fn wait(each: Duration) -> io::Result<Wish> {
    let until = Instant::now() + each;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || !event::poll(left)? {
            return Ok(Wish::Look);
        }
        let Event::Key(key) = event::read()? else { continue };
        let leaves = match key.code {
            KeyCode::Char('q') | KeyCode::Esc => true,
            KeyCode::Char('c') => key.modifiers.contains(KeyModifiers::CONTROL),
            _ => false,
        };
        if leaves && key.kind == KeyEventKind::Press {
            return Ok(Wish::Leave);
        }
    }
}

/// The server of a running graph.
struct Server {
    /// With a slash at its end.
    url: String,
    token: Option<String>,
    agent: ureq::Agent,
}

impl Server {
    /// # Errors
    /// A sentence about what is no address.
    fn at(url: &str) -> Result<Server, String> {
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(format!("\"{url}\" is no address of a page; write http://HOST:PORT/ or https://"));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWERED_WITHIN))
            .build();
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        let url = format!("{}/", url.trim_end_matches('/'));
        Ok(Server { url, token, agent: config.new_agent() })
    }

    /// # Errors
    /// A sentence about why there is no answer, or none of a graph.
    fn graph(&self) -> Result<Graph, String> {
        let mut request = self.agent.get(format!("{}api/graph", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut answer = request.call().map_err(|error| {
            format!("no graph answers at {}: {error}; `framegate run` says where one is served", self.url)
        })?;
        match answer.status().as_u16() {
            200 => {}
            401 | 403 => {
                return Err(format!("{} wants a token with the right `view`: set {TOKEN}", self.url));
            }
            other => return Err(format!("{} answers with status {other}, as no framegate does", self.url)),
        }
        let told = answer.body_mut().read_json();
        told.map_err(|error| format!("{} answers, and not as framegate does: {error}", self.url))
    }
}
