//! The page and the JSON interface behind it.
//!
//! | method and path | body | answer |
//! |---|---|---|
//! | `POST /api/register/begin` | [`RegistrationWish`] | `{ceremony, publicKey}` |
//! | `POST /api/register/finish` | `{ceremony, credential}` | `{session, user, credential}` |
//! | `POST /api/sign-in/begin` | [`SignInWish`] | `{ceremony, publicKey}` |
//! | `POST /api/sign-in/finish` | `{ceremony, credential}` | `{session, user, credential}` |
//! | `GET /api/accounts` | | list of accounts |
//! | `PUT`, `GET /api/note` | anything | what was put; needs `Authorization: Bearer SESSION` |
//!
//! A refusal is status 400 with `{"error": "…"}`. Outputs of the `prf` extension never come here: they are keys, and
//! the page keeps them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    record::Recorder,
    relying_party::{Finished, Refusal, RegistrationWish, RelyingParty, SignInWish},
};

/// What the handlers share.
pub(crate) struct Site {
    pub(crate) relying_party: Mutex<RelyingParty>,
    pub(crate) recorder: Option<Recorder>,
}

impl Site {
    /// Handlers do not panic while they hold the lock, and nothing here outlives the process.
    fn relying_party(&self) -> MutexGuard<'_, RelyingParty> {
        self.relying_party.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn conclude(&self, finished: Result<Finished, Refusal>) -> Answer {
        let Finished { result, record } = finished?;
        if let Some(recorder) = &self.recorder {
            recorder
                .append(&record)
                .map_err(|error| Refusal::Request(format!("the record cannot be written: {error}")))?;
        }
        Ok(Json(result?))
    }
}

/// The page, its files and the JSON interface.
pub(crate) fn routes(site: Arc<Site>) -> Router {
    Router::new()
        .route(
            "/",
            get(async || file("text/html; charset=utf-8", include_str!("../static/index.html"))),
        )
        .route(
            "/app.js",
            get(async || file("text/javascript; charset=utf-8", include_str!("../static/app.js"))),
        )
        .route(
            "/style.css",
            get(async || file("text/css; charset=utf-8", include_str!("../static/style.css"))),
        )
        .route("/api/register/begin", post(begin_registration))
        .route("/api/register/finish", post(finish_registration))
        .route("/api/sign-in/begin", post(begin_sign_in))
        .route("/api/sign-in/finish", post(finish_sign_in))
        .route("/api/accounts", get(accounts))
        .route("/api/note", get(note).put(set_note))
        .with_state(site)
}

type Answer = Result<Json<Value>, Refusal>;

#[derive(Deserialize)]
struct Finish {
    ceremony: u64,
    credential: Value,
}

async fn begin_registration(State(site): State<Arc<Site>>, Json(wish): Json<RegistrationWish>) -> Answer {
    Ok(Json(site.relying_party().begin_registration(wish)?))
}

async fn finish_registration(State(site): State<Arc<Site>>, Json(finish): Json<Finish>) -> Answer {
    let finished = site
        .relying_party()
        .finish_registration(finish.ceremony, &finish.credential);
    site.conclude(finished)
}

async fn begin_sign_in(State(site): State<Arc<Site>>, Json(wish): Json<SignInWish>) -> Answer {
    Ok(Json(site.relying_party().begin_sign_in(wish)?))
}

async fn finish_sign_in(State(site): State<Arc<Site>>, Json(finish): Json<Finish>) -> Answer {
    let finished = site.relying_party().finish_sign_in(finish.ceremony, &finish.credential);
    site.conclude(finished)
}

async fn accounts(State(site): State<Arc<Site>>) -> Json<Value> {
    Json(site.relying_party().accounts())
}

async fn set_note(State(site): State<Arc<Site>>, headers: HeaderMap, Json(note): Json<Value>) -> Answer {
    site.relying_party().set_note(session(&headers), note)?;
    Ok(Json(json!({})))
}

async fn note(State(site): State<Arc<Site>>, headers: HeaderMap) -> Answer {
    Ok(Json(site.relying_party().note(session(&headers))?))
}

fn session(headers: &HeaderMap) -> &str {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default()
}

fn file(content_type: &'static str, body: &'static str) -> Response {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'";
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.to_string() }))).into_response()
    }
}
