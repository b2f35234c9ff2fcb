//! The serving process: listens, watches the clock, drains on a signal.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Context as _;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::engine::Engine;
use crate::home::Home;
use crate::limit::Bounded;
use crate::presence;
use crate::print;
use crate::router::{App, router};
use crate::store::Store;

/// How long a client may take to send its headers.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// How long connections may take to end once the backend was told to.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// How often time is let pass over open requests.
const SWEEP: Duration = Duration::from_secs(2);

/// Serves until a signal ends it.
///
/// # Errors
/// When it cannot start, or the writer died.
pub fn serve(home: &Home, config: &Config) -> anyhow::Result<()> {
    config.check()?;
    let (conn, log, trust, backend, log_key) = home.open()?;
    let store = Store::start(&home.database(), conn, log)?;
    let engine = Engine::new(store.clone(), trust, backend, log_key.public_key().id());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(run(&engine, config));
    store.stop();
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

async fn run(engine: &Engine, config: &Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let app = App::new(engine.clone(), config.requests_per_minute);
    let listener =
        TcpListener::bind(config.listen).with_context(|| format!("cannot listen on {}", config.listen))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let tls = tls(config).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let handle = Handle::new();
    let connections = config.max_connections;
    let serving = {
        let handle = handle.clone();
        let service = router(app.clone()).into_make_service();
        tokio::spawn(async move {
            let plain = axum_server::from_tcp(listener)?.handle(handle);
            match tls {
                None => {
                    bounded(plain.map(|accept: DefaultAcceptor| Bounded::new(accept, connections)))
                        .serve(service)
                        .await
                }
                Some(tls) => {
                    let acceptor = RustlsAcceptor::new(tls).handshake_timeout(HEADER_TIME);
                    bounded(plain.map(|_| Bounded::new(acceptor, connections)))
                        .serve(service)
                        .await
                }
            }
        })
    };
    print::say(&format!("listening {scheme}://{address}"))?;
    tracing::info!(%address, scheme, "listening");
    let sweeper = tokio::spawn(sweep(engine.clone()));
    let teller = tokio::spawn(tell(app));
    let mut news = engine.store().news();
    let ended = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        () = async { while news.changed().await.is_ok() {} } => {
            Err(anyhow::anyhow!("the writer stopped; nothing more is taken in"))
        }
    };
    sweeper.abort();
    teller.abort();
    tracing::info!("draining");
    handle.graceful_shutdown(Some(DRAIN_TIME));
    serving.await.context("the server ended in a panic")??;
    ended
}

fn bounded<Acc>(mut server: Server<std::net::SocketAddr, Acc>) -> Server<std::net::SocketAddr, Acc> {
    let http = server.http_builder();
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_concurrent_streams(128);
    server
}

async fn tls(config: &Config) -> anyhow::Result<Option<RustlsConfig>> {
    let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) else {
        return Ok(None);
    };
    // Installing it twice is no error: the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = RustlsConfig::from_pem_chain_file(cert, key)
        .await
        .with_context(|| {
            format!(
                "`{}` or `{}` cannot be used for TLS",
                cert.display(),
                key.display()
            )
        })?;
    Ok(Some(config))
}

async fn tell(app: App) {
    let mut ticks = tokio::time::interval(presence::TOLD_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        app.presence().tell();
    }
}

async fn sweep(engine: Engine) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = engine.sweep().await {
            tracing::warn!(%error, "time could not be let pass over open requests");
        }
    }
}
