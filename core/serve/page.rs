//! The viewer page and the bare player, carried inside the binary: no build step, no outside host.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::routes::Served;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Nothing from anywhere else, ever. Only the bare player may be shown inside other people's pages.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'self'";
const PLAYER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'none'; \
     frame-ancestors *";

/// One embedded file.
struct Embedded {
    name: &'static str,
    kind: &'static str,
    text: Cow<'static, str>,
}

macro_rules! embedded {
    ($($name:literal $kind:ident),* $(,)?) => {
        [$(Embedded { name: $name, kind: $kind, text: Cow::Borrowed(include_str!(concat!("page/", $name))) }),*]
    };
}

/// What the page and the player share: the picture and its buttons.
const STAGE: &str = include_str!("page/stage.html");
const STAGE_GOES_HERE: &str = "<!-- stage.html -->";

static INDEX: LazyLock<Embedded> = LazyLock::new(|| html("index.html", include_str!("page/index.html")));
static PLAYER: LazyLock<Embedded> = LazyLock::new(|| html("player.html", include_str!("page/player.html")));
static FILES: &[Embedded] = &embedded![
    "access.js" SCRIPT,
    "boxes.js" SCRIPT,
    "figures.js" SCRIPT,
    "flow.js" SCRIPT,
    "main.js" SCRIPT,
    "mark.svg" SVG,
    "panel.js" SCRIPT,
    "player.js" SCRIPT,
    "restart.js" SCRIPT,
    "stage.js" SCRIPT,
    "style.css" CSS,
    "text.js" SCRIPT,
    "theme.js" SCRIPT,
    "whep.js" SCRIPT,
];

/// Entity tags by file name: what a browser has is used again for as long as it is the same.
static TAGS: LazyLock<BTreeMap<&'static str, HeaderValue>> =
    LazyLock::new(|| all().map(|file| (file.name, tag(&file.text))).collect());

fn html(name: &'static str, text: &str) -> Embedded {
    Embedded { name, kind: HTML, text: text.replace(STAGE_GOES_HERE, STAGE).into() }
}

fn all() -> impl Iterator<Item = &'static Embedded> {
    FILES.iter().chain([&*INDEX, &*PLAYER])
}

fn tag(text: &str) -> HeaderValue {
    let digest = Sha256::digest(text);
    let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{short}\"")).expect("hexadecimal digits are a header value")
}

/// `/`
pub async fn index(asked: HeaderMap) -> Response {
    INDEX.answer(&asked, Some(PAGE_POLICY))
}

/// `/{relay}`
pub async fn player(State(served): State<Served>, Path(relay): Path<String>, asked: HeaderMap) -> Response {
    // Which relays there are is told to whoever may view; the player finds out with its token.
    match served.has_relay(&relay) || !served.access.is_open() {
        true => PLAYER.answer(&asked, Some(PLAYER_POLICY)),
        false => Problem::no_such_page().into_response(),
    }
}

/// `/_page/{file}`
pub async fn file(Path(name): Path<String>, asked: HeaderMap) -> Response {
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => file.answer(&asked, None),
        None => Problem::no_such_page().into_response(),
    }
}

impl Embedded {
    fn answer(&self, asked: &HeaderMap, policy: Option<&'static str>) -> Response {
        let tag = TAGS[self.name].clone();
        let unchanged = asked.get(header::IF_NONE_MATCH).is_some_and(|had| had == tag);
        let mut response = match unchanged {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => ([(header::CONTENT_TYPE, HeaderValue::from_static(self.kind))], self.text.clone())
                .into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, tag);
        // Asked again each time, so that a new binary is never seen through an old page.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(policy) = policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `from "./x.js"`, `src="_page/x"`, `href="_page/x"`: every file the page asks for.
    fn asked_for(text: &str) -> Vec<&str> {
        let after = ["from \"./", "\"_page/"];
        let starts = after.iter().flat_map(|mark| text.match_indices(mark));
        starts.map(|(at, mark)| text[at + mark.len()..].split('"').next().unwrap()).collect()
    }

    #[test]
    fn every_file_the_page_asks_for_is_inside_the_binary() {
        let carried: Vec<_> = FILES.iter().map(|file| file.name).collect();
        for file in all() {
            for name in asked_for(&file.text) {
                assert!(carried.contains(&name), "{} asks for {name}", file.name);
            }
        }
    }

    #[test]
    fn the_page_and_the_player_show_the_same_stage() {
        for page in [&*INDEX, &*PLAYER] {
            assert!(page.text.contains("<video") && page.text.contains("toggle-boxes"), "{}", page.name);
        }
    }

    #[test]
    fn the_page_names_no_outside_host() {
        for file in all() {
            let own = file.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!own.contains("http://") && !own.contains("https://"), "{}", file.name);
        }
    }
}
