//! Somebody with nothing but the program: a folder, no account, and nothing kept from before.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub struct Desk {
    folder: TempDir,
}

/// What a command printed, and how it ended.
pub struct Seen {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Seen {
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// The output of a command that went well.
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!(self.status, Some(0), "{}", self.all());
        self.out
    }

    /// All that was printed by a command that did not.
    #[track_caller]
    pub fn ill(self) -> String {
        assert_eq!(self.status, Some(1), "{}", self.all());
        self.all()
    }
}

impl Desk {
    pub fn new() -> Desk {
        Desk { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// A file here.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes the graph, and gives its path.
    pub fn graph(&self, text: &str) -> String {
        fs::write(self.path("graph.yaml"), text).expect("it can be written");
        self.path("graph.yaml")
    }

    pub fn framegate(&self, arguments: &[&str]) -> Seen {
        self.framegate_with(arguments, &[])
    }

    pub fn framegate_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Seen {
        let output = self.command(arguments).envs(variables.iter().copied()).output();
        let output = output.expect("the program under test starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
        Seen { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Whether a command that serves a page comes so far as to say where; it is ended then.
    pub fn serves(&self, arguments: &[&str]) -> bool {
        let command = &mut self.command(arguments);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the program under test starts");
        let lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        // A command that is refused ends, and so do its lines.
        let serves = lines.map_while(Result::ok).any(|line| line.starts_with("watch at "));
        drop((process.kill(), process.wait()));
        serves
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
        command
            .args(arguments)
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("DOCKER_CONFIG", self.folder.path());
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// The files of fetched plugins.
    pub fn kept(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("cache/framegate/registry");
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
        files.sort();
        files
    }

    /// The only kept file with this ending.
    pub fn only_kept(&self, ending: &str) -> PathBuf {
        let mut files = self.kept();
        files.retain(|file| file.extension().is_some_and(|end| end == ending));
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    /// Forgets everything that was kept.
    pub fn forget(&self) {
        fs::remove_dir_all(self.folder.path().join("cache/framegate/registry"))
            .expect("there is something kept");
    }
}
