//! Which path leads where. Nothing is decided here.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use countersign_protocol::api::MAX_BODY_BYTES;

use crate::authn::Nonces;
use crate::clock;
use crate::engine::Engine;
use crate::limit::Rates;
use crate::presence::Presence;
use crate::problem::Refused;
use crate::routes::{enrolment, health, log, proposal, request, reveal, talk, trust};

/// What every route reaches.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    engine: Engine,
    nonces: Nonces,
    rates: Rates,
    presence: Presence,
}

impl App {
    /// An app over an engine, where each key may ask `requests_per_minute` times a minute.
    #[must_use]
    pub fn new(engine: Engine, requests_per_minute: u32) -> Self {
        Self(Arc::new(Parts {
            engine,
            nonces: Nonces::new(clock::now()),
            rates: Rates::new(requests_per_minute),
            presence: Presence::default(),
        }))
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The memory of nonces.
    #[must_use]
    pub fn nonces(&self) -> &Nonces {
        &self.0.nonces
    }

    /// The bounds on how often keys may ask.
    #[must_use]
    pub fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// Who looks at what.
    #[must_use]
    pub fn presence(&self) -> &Presence {
        &self.0.presence
    }
}

/// Every route of the API.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/v1/trust", get(trust::show))
        .route("/v1/trust/root", post(trust::renew_root))
        .route("/v1/trust/directory", post(trust::renew_directory))
        .route("/v1/trust/policy", post(trust::renew_policy))
        .route("/v1/enrolments", get(enrolment::list).post(enrolment::invite))
        .route("/v1/enrolments/{code}", delete(enrolment::close))
        .route("/v1/enrolments/{code}/credential", post(enrolment::challenge))
        .route("/v1/enrolment", get(enrolment::show))
        .route("/v1/enrolment/claim", post(enrolment::claim))
        .route("/v1/enrolment/activation", post(enrolment::activate))
        .route("/v1/proposals", post(proposal::propose))
        .route("/v1/verdicts", post(proposal::record_verdicts))
        .route("/v1/requests", get(request::list))
        .route("/v1/requests/{id}", get(request::show))
        .route("/v1/requests/{id}/decisions", post(request::decide))
        .route("/v1/requests/{id}/amendment", post(request::amend))
        .route("/v1/requests/{id}/withdrawal", post(proposal::withdraw))
        .route("/v1/requests/{id}/grant", post(proposal::grant))
        .route("/v1/requests/{id}/start", post(proposal::start))
        .route("/v1/requests/{id}/receipt", post(proposal::account))
        .route("/v1/requests/{id}/talk", get(talk::show))
        .route("/v1/requests/{id}/reveals", post(reveal::record))
        .route("/v1/requests/{id}/questions", post(talk::ask))
        .route("/v1/requests/{id}/questions/{number}/answer", post(talk::answer))
        .route("/v1/requests/{id}/looking", put(talk::look).delete(talk::leave))
        .route("/v1/watch", get(request::watch))
        .route("/v1/log/consistency", get(log::consistency))
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/tile/{*path}", get(log::tile))
        .fallback(|| async { Refused::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Refused::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "the path does not know this method",
                "see the OpenAPI document: `countersignd openapi`",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(app)
}
