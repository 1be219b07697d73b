//! `framegate top` in a real terminal, which tmux plays.

use std::process::{Command, Output};

use super::GRAPH;
use super::support::asking::until;
use super::support::binary::Framegate;

/// A terminal of 140 columns with a program in it. Gone when dropped.
struct Terminal {
    /// A tmux server of its own, so that nobody's sessions are touched.
    socket: String,
}

impl Terminal {
    fn with(program: &str) -> Terminal {
        let terminal = Terminal { socket: format!("framegate-test-{}", std::process::id()) };
        let size = ["-x", "140", "-y", "20"];
        let begun = terminal.tmux(&[&["new-session", "-d", "-s", "top"][..], &size, &[program]].concat());
        assert!(begun.status.success(), "tmux begins a session: {begun:?}");
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", &self.socket, "-f", "/dev/null"]).args(arguments).env_remove("TMUX");
        tmux.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        tmux.output().expect("tmux runs; on Debian or Ubuntu: sudo apt-get install tmux")
    }

    fn shows(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p", "-t", "top"]).stdout).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.tmux(&["kill-server"]));
    }
}

fn top(url: &str) -> String {
    format!("{} top {url}", env!("CARGO_BIN_EXE_framegate"))
}

#[test]
fn every_node_has_its_line_with_rate_times_and_losses_until_q_is_pressed() {
    let server = Framegate::run_text(GRAPH, &[]);
    let terminal = Terminal::with(&top(&server.url));
    let line = |node: &str| {
        terminal.shows().lines().find(|line| line.starts_with(&format!("{node} "))).map(str::to_owned)
    };
    until("a rate of the encoder", || line("h264").is_some_and(|line| line.contains("/s")));
    let shown = terminal.shows();
    assert!(shown.starts_with("whep-test · live · "), "{shown}");
    assert!(shown.contains("LATENCY 50/95/99") && shown.contains("cores"), "{shown}");
    until("a latency of the relay", || line("live").is_some_and(|line| line.matches(" ms").count() >= 1));
    drop(server);
    until("a word about the server that is gone", || terminal.shows().contains("no graph answers at"));
    terminal.tmux(&["send-keys", "-t", "top", "q"]);
    until("the end", || !terminal.tmux(&["has-session", "-t", "top"]).status.success());
}

#[test]
fn what_is_no_terminal_gets_text_once_and_who_is_not_there_is_named() {
    let run = |url: &str| Command::new(env!("CARGO_BIN_EXE_framegate")).args(["top", url]).output().unwrap();
    let told = run(super::shared());
    let text = String::from_utf8(told.stdout).expect("UTF-8");
    assert!(told.status.success() && text.lines().any(|line| line.starts_with("camera ")), "{text}");
    let nobody = run("http://127.0.0.1:1/");
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no graph answers at http://127.0.0.1:1/"));
    assert_eq!(run("ftp://here").status.code(), Some(2));
}
