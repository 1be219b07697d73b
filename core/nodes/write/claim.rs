//! Files that nodes of this process are writing.
//!
//! Owns telling them from what an earlier process has left: a graph that is checked again while it
//! runs finds its own unfinished files, and must neither complain of them nor empty them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static CLAIMED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file that is ours until this is dropped.
pub struct Claim(PathBuf);

impl Claim {
    /// `None` while another node holds it.
    pub fn on(file: &Path) -> Option<Claim> {
        let file = absolute(file);
        let is_free = claimed().insert(file.clone());
        // Made only then: a claim that is dropped lets go.
        is_free.then(|| Claim(file))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        claimed().remove(&self.0);
    }
}

/// Whether a node of this process is writing `file`.
pub fn is_claimed(file: &Path) -> bool {
    claimed().contains(&absolute(file))
}

fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

fn claimed() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_claimed_once_until_it_is_let_go() {
        let file = Path::new("claimed-by-a-test.part");
        let claim = Claim::on(file).unwrap();
        assert!(is_claimed(file) && Claim::on(&std::env::current_dir().unwrap().join(file)).is_none());
        drop(claim);
        assert!(!is_claimed(file) && Claim::on(file).is_some());
    }
}
