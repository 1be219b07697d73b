//! Who may do what: the bearer tokens of the `server:` section.
//!
//! Owns the comparison and the two refusals, 401 and 403 (RFC 6750). Keeps digests, never a token:
//! nothing here could print one. Files of the page are free to everybody, since they hold nothing
//! of the graph: the page itself asks for a token and sends it with what it asks for.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::caller::Caller;
use super::limit::{Limit, Spent};
use super::problem::Problem;
use super::routes::Served;
use crate::graph::{Right, Token};

/// The tokens, as far as they are needed to know one again.
pub struct Access {
    known: Vec<Known>,
}

struct Known {
    digest: [u8; 32],
    token: Token,
}

/// What a caller is to this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Welcome,
    /// A token is needed, and none came.
    Nameless,
    /// A token came that is none of ours.
    Unknown,
    /// The token is ours and lacks the right.
    Forbidden,
}

impl Access {
    pub fn new(tokens: &[Token]) -> Access {
        let known =
            |token: &Token| Known { digest: digest(token.secret.reveal().as_bytes()), token: token.clone() };
        Access { known: tokens.iter().map(known).collect() }
    }

    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.known.is_empty()
    }

    pub fn judge(&self, headers: &HeaderMap, right: Right) -> Verdict {
        if self.is_open() {
            return Verdict::Welcome;
        }
        let Some(given) = headers.get(header::AUTHORIZATION) else { return Verdict::Nameless };
        let Some(given) = bearer(given.as_bytes()) else { return Verdict::Unknown };
        let given = digest(given);
        // All are looked at whichever it is, and each to its end: the time taken tells nothing.
        let found = self.known.iter().fold(None, |found, known| match is_same(&known.digest, &given) {
            true => Some(known),
            false => found,
        });
        match found {
            None => Verdict::Unknown,
            Some(known) if known.token.may(right) => Verdict::Welcome,
            Some(_) => Verdict::Forbidden,
        }
    }
}

/// Lets through whoever may view.
pub async fn may_view(State(served): State<Served>, request: Request, next: Next) -> Response {
    whoever_may(Right::View, &served, request, next).await
}

/// Lets through whoever may send a stream in.
pub async fn may_publish(State(served): State<Served>, request: Request, next: Next) -> Response {
    whoever_may(Right::Publish, &served, request, next).await
}

/// Lets through whoever may change the graph.
pub async fn may_administer(State(served): State<Served>, request: Request, next: Next) -> Response {
    whoever_may(Right::Admin, &served, request, next).await
}

async fn whoever_may(right: Right, served: &Served, request: Request, next: Next) -> Response {
    let verdict = served.access.judge(request.headers(), right);
    if verdict == Verdict::Unknown && is_trying(&served.limit, &request) == Spent::TooMuch {
        return Problem::too_many_requests().into_response();
    }
    match verdict {
        Verdict::Welcome => next.run(request).await,
        refused => refusal(refused, right).into_response(),
    }
}

/// Tokens cannot be found by trying: each wrong one costs as much as an offer.
fn is_trying(limit: &Limit, request: &Request) -> Spent {
    match request.extensions().get::<Caller>() {
        Some(caller) => limit.spend(caller),
        None => Spent::Within,
    }
}

fn refusal(verdict: Verdict, right: Right) -> Problem {
    let challenge = |status, detail: String, challenge: &'static str| {
        Problem::new(status, detail).with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    };
    match verdict {
        Verdict::Forbidden => challenge(
            StatusCode::FORBIDDEN,
            format!("this token lacks the right \"{}\"; give it in server.tokens", right.name()),
            "Bearer realm=\"framegate\", error=\"insufficient_scope\"",
        ),
        Verdict::Unknown => challenge(
            StatusCode::UNAUTHORIZED,
            "the token is none of this server's; send one of server.tokens as `Authorization: Bearer …`"
                .to_owned(),
            "Bearer realm=\"framegate\", error=\"invalid_token\"",
        ),
        Verdict::Nameless | Verdict::Welcome => challenge(
            StatusCode::UNAUTHORIZED,
            "this server wants a token; send it as `Authorization: Bearer …`".to_owned(),
            "Bearer realm=\"framegate\"",
        ),
    }
}

/// The scheme is written in any case, the token is not.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    std::hint::black_box(one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Secret;

    fn verdict(given: &str) -> Verdict {
        let token =
            |secret: &str, rights: &[Right]| Token { secret: Secret::new(secret), rights: rights.to_vec() };
        let access = Access::new(&[
            token("viewviewviewview", &[Right::View]),
            token("pushpushpushpush", &[Right::Publish]),
            token("bossbossbossboss", &[Right::Admin]),
        ]);
        let mut headers = HeaderMap::new();
        if !given.is_empty() {
            headers.insert(header::AUTHORIZATION, given.parse().unwrap());
        }
        access.judge(&headers, Right::View)
    }

    #[test]
    fn a_token_opens_what_its_rights_say() {
        assert_eq!(verdict("Bearer viewviewviewview"), Verdict::Welcome);
        assert_eq!(verdict("bearer  bossbossbossboss"), Verdict::Welcome, "an admin may do everything");
        assert_eq!(verdict("Bearer pushpushpushpush"), Verdict::Forbidden);
        assert_eq!(verdict(""), Verdict::Nameless);
        for wrong in ["Bearer viewviewviewvie", "Bearer", "Bearer ", "Basic viewviewviewview", "é"] {
            assert_eq!(verdict(wrong), Verdict::Unknown, "{wrong}");
        }
    }

    #[test]
    fn without_tokens_everybody_is_welcome() {
        assert_eq!(Access::new(&[]).judge(&HeaderMap::new(), Right::Admin), Verdict::Welcome);
    }

    #[test]
    fn a_token_is_never_printed() {
        let token = Token { secret: Secret::new("viewviewviewview"), rights: vec![Right::View] };
        assert!(!format!("{token:?}").contains("viewview"));
    }
}
