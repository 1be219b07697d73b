//! The page and the player as files: what they are, and what they may not do.

use super::exchange::{get, send};
use super::shared;

#[test]
fn the_page_comes_with_all_its_files_and_a_tag_for_each() {
    let index = get(shared());
    assert_eq!(index.status, 200);
    assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
    let names = index.body.split("\"_page/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let mut asked = 0;
    for name in names {
        let url = format!("{}_page/{name}", shared());
        let file = get(&url);
        assert_eq!(file.status, 200, "{name}");
        let tag = file.header("etag").to_owned();
        assert_eq!(send("GET", &url, &[("If-None-Match", &tag)], "").status, 304, "{name}");
        asked += 1;
    }
    assert!(asked >= 4);
}

#[test]
fn the_page_may_load_nothing_from_elsewhere() {
    let policy = get(shared()).header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'self'"), "{policy}");
    assert_eq!(get(shared()).header("x-content-type-options"), "nosniff");
}

#[test]
fn each_relay_has_a_player_that_may_be_embedded_and_nothing_else_has() {
    let player = get(&format!("{}live", shared()));
    assert_eq!(player.status, 200);
    assert!(player.body.contains("_page/player.js"));
    assert!(player.header("content-security-policy").contains("frame-ancestors *"));
    let other = get(&format!("{}nobody", shared()));
    assert_eq!(other.status, 404);
    other.problem();
}

#[test]
fn an_unknown_file_is_not_found() {
    for name in ["nothing.js", "../mod.rs", "%2e%2e%2fmod.rs", "index.html"] {
        assert_eq!(get(&format!("{}_page/{name}", shared())).status, 404, "{name}");
    }
}
