use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap as AxumHeaders;
use axum::response::IntoResponse;
use countersign_protocol::api::{ChangeSubject, RequestPage};
use countersign_protocol::digest::ProposalDigest;
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::identity::RequestId;

use crate::http::{Backend, RequestFilter};
use crate::key_file::FileSigner;
use crate::watch::Event;

/// How many calls came, and what of their headers.
type Seen = (Arc<AtomicU32>, Arc<Mutex<Vec<String>>>);

struct Served {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(router: Router) -> Served {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Served { url, task }
}

fn key() -> Arc<FileSigner> {
    let folder = tempfile::tempdir().unwrap();
    Arc::new(crate::key_file::create(&folder.path().join("k")).unwrap())
}

fn quick() -> Options {
    Options {
        timeout: Duration::from_millis(800),
        attempts: 3,
        longest_pause: Duration::from_secs(2),
        heartbeat_timeout: Duration::from_millis(300),
        ..Options::default()
    }
}

fn backend(served: &Served) -> Backend {
    Backend::new(&served.url, Some(key()), quick()).unwrap()
}

fn id() -> RequestId {
    RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"p")))
}

const EMPTY_PAGE: &str = r#"{"requests":[]}"#;

#[tokio::test]
async fn calls_are_signed_so_that_the_backend_can_check_them() {
    let seen = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&seen);
    let router = Router::new().fallback(move |request: Request| async move {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        *keep.lock().unwrap() = Some((parts, body));
        EMPTY_PAGE
    });
    let served = serve(router).await;
    let key = key();
    let backend = Backend::new(&served.url, Some(key.clone()), quick()).unwrap();
    let filter = RequestFilter {
        after: Some("a b&c".to_owned()),
        ..RequestFilter::default()
    };
    let page: RequestPage = backend.requests(&filter).await.unwrap();
    assert!(page.requests.is_empty());

    let (parts, body) = seen.lock().unwrap().take().unwrap();
    let header = |name: &str| parts.headers.get(name).unwrap().to_str().unwrap().to_owned();
    let headers = authn::Headers {
        content_digest: header("content-digest"),
        signature_input: header("signature-input"),
        signature: header("signature"),
    };
    let claim = authn::claim(&headers.signature_input).unwrap();
    let received = Parts {
        method: parts.method.as_str(),
        authority: &header("host"),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap(),
        body: &body,
    };
    use countersign_protocol::signed::Signer as _;
    authn::verify(&received, &headers, &claim, key.public_key()).unwrap();
    let changed = Parts {
        query: "limit=1",
        ..received
    };
    assert!(authn::verify(&changed, &headers, &claim, key.public_key()).is_err());
}

#[tokio::test]
async fn a_call_that_needs_a_key_is_not_sent_without_one() {
    let backend = Backend::new("http://127.0.0.1:9", None, quick()).unwrap();
    let error = backend.requests(&RequestFilter::default()).await.unwrap_err();
    assert!(matches!(error, ClientError::NoKey { .. }), "{error}");
}

#[tokio::test]
async fn problems_become_typed_errors() {
    let router = Router::new().fallback(|| async {
        let problem = Problem::new("excluded", "not eligible", 403, "you own the agent");
        (
            StatusCode::FORBIDDEN,
            [("content-type", PROBLEM_TYPE)],
            serde_json::to_string(&problem).unwrap(),
        )
    });
    let served = serve(router).await;
    let error = backend(&served).request(id()).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("excluded", Some(403)));
    assert_eq!(
        error.to_string(),
        "cannot fetch a request: not eligible: you own the agent"
    );
}

#[tokio::test]
async fn what_may_pass_is_tried_again_with_the_same_idempotency_key_and_what_lasts_is_not() {
    let calls = Arc::new(AtomicU32::new(0));
    let keys = Arc::new(Mutex::new(Vec::new()));
    let state = (Arc::clone(&calls), Arc::clone(&keys));
    let router = Router::new()
        .fallback(
            |State((calls, keys)): State<Seen>, headers: AxumHeaders| async move {
                let text = |name| {
                    headers
                        .get(name)
                        .map(|v: &HeaderValue| v.to_str().unwrap().to_owned())
                };
                keys.lock().unwrap().push(format!(
                    "{:?} {:?}",
                    text("idempotency-key"),
                    text("signature-input").unwrap().contains("nonce")
                ));
                match calls.fetch_add(1, Ordering::SeqCst) {
                    0 => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")], "").into_response(),
                    1 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "").into_response(),
                    2 => StatusCode::NO_CONTENT.into_response(),
                    _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                }
            },
        )
        .with_state(state);
    let served = serve(router).await;
    let backend = backend(&served);
    let grant = countersign_protocol::digest::GrantDigest::new(Sha256Digest::of(b"g"));
    let started = std::time::Instant::now();
    backend.start(id(), grant).await.unwrap();
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "Retry-After is honoured"
    );
    let keys = keys.lock().unwrap().clone();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0] && key.contains("Some")));

    let error = backend.start(id(), grant).await.unwrap_err();
    assert_eq!(error.status(), Some(500));
    assert_eq!(
        calls.load(Ordering::SeqCst),
        4,
        "a lasting failure is not tried again"
    );
}

#[tokio::test]
async fn a_pause_beyond_the_limit_ends_the_call() {
    let router =
        Router::new().fallback(|| async { (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "900")], "") });
    let served = serve(router).await;
    let started = std::time::Instant::now();
    let error = backend(&served).request(id()).await.unwrap_err();
    assert!(error.is_unreachable() && started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn redirects_oversize_and_other_answers_are_refused() {
    let router = Router::new()
        .route(
            "/log/checkpoint",
            axum::routing::get(|| async { Bytes::from(vec![b'x'; 65 * 1024]) }),
        )
        .route(
            "/v1/trust",
            axum::routing::get(|| async { (StatusCode::FOUND, [("location", "/log/checkpoint")]) }),
        )
        .fallback(|| async { r#"{"requests":[],"requests":[]}"# });
    let served = serve(router).await;
    let backend = backend(&served);
    assert!(matches!(
        backend.checkpoint().await,
        Err(ClientError::Unreadable { .. })
    ));
    assert_eq!(backend.trust().await.unwrap_err().status(), Some(302));
    let twice = backend.requests(&RequestFilter::default()).await.unwrap_err();
    assert!(twice.to_string().contains("key given twice"), "{twice}");
}

#[tokio::test]
async fn a_silent_or_absent_backend_is_unreachable_in_bounded_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let options = Options {
        timeout: Duration::from_millis(100),
        ..quick()
    };
    let backend = Backend::new(&url, None, options).unwrap();
    let error = backend.trust().await.unwrap_err();
    assert!(
        error.is_unreachable() && error.to_string().contains(&url),
        "{error}"
    );
    drop(listener);
    assert!(backend.trust().await.unwrap_err().is_unreachable());
}

#[test]
fn addresses_are_checked() {
    for good in [
        "http://127.0.0.1:1",
        "http://localhost",
        "http://[::1]:2",
        "https://example.com",
        "https://example.com/cs",
    ] {
        assert!(address(good).is_ok(), "{good}");
    }
    for bad in [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "https://user:pass@example.com",
        "https://example.com/?a=b",
        "example.com",
        "",
    ] {
        let error = address(bad).unwrap_err();
        assert!(matches!(error, ClientError::Address { .. }), "{bad}");
    }
    assert_eq!(
        authority(&Url::parse("https://Example.com:443/").unwrap()),
        "example.com"
    );
    assert_eq!(
        authority(&Url::parse("http://127.0.0.1:80").unwrap()),
        "127.0.0.1"
    );
}

#[test]
fn certificate_files_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let with = |path: &Path| {
        let options = Options {
            ca_file: Some(path.to_owned()),
            ..Options::default()
        };
        Backend::new("https://example.com", None, options)
    };
    assert!(matches!(with(&path), Err(ClientError::Certificates { .. })));
    std::fs::write(&path, "nothing").unwrap();
    assert!(matches!(with(&path), Err(ClientError::Certificates { .. })));
}

#[test]
fn pauses_grow_and_stay_bounded() {
    for attempt in 1..100 {
        let pause = backoff(attempt);
        assert!(pause >= FIRST_PAUSE / 2 && pause <= FIRST_PAUSE * 64);
    }
    assert!(backoff(6) > FIRST_PAUSE * 8);
}

/// One change per connection: number 5 first, then what follows the id that is asked for.
async fn one_event(headers: AxumHeaders) -> impl IntoResponse {
    let last: u64 = headers
        .get("last-event-id")
        .map_or(4, |value| value.to_str().unwrap().parse().unwrap());
    let change = last + 1;
    let event = format!(
        ": hi\n\nid: {change}\ndata: {{\"change\":{change},\"subject\":{{\"type\":\"log\",\"size\":{change}}},\"at\":\"2026-11-22T08:15:30.120Z\"}}\n\n"
    );
    ([("content-type", "text/event-stream")], event)
}

#[tokio::test]
async fn a_watched_stream_resumes_where_it_broke_off() {
    let served = serve(Router::new().fallback(one_event)).await;
    let mut watch = backend(&served).watch(None);
    let mut changes = Vec::new();
    let mut lost = 0;
    while changes.len() < 3 {
        match watch.next().await {
            Event::Connected => {}
            Event::Changed(change) => {
                assert_eq!(change.subject, ChangeSubject::Log { size: change.change });
                changes.push(change.change);
            }
            Event::Looking(_) => {}
            Event::Lost { .. } => lost += 1,
        }
    }
    assert_eq!(changes, [5, 6, 7]);
    assert_eq!((lost, watch.last_seen()), (2, Some(7)));
}

#[tokio::test]
async fn a_stream_without_a_sign_of_life_is_given_up() {
    let router = Router::new().fallback(|| async {
        let stream = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        (
            [("content-type", "text/event-stream")],
            axum::body::Body::from_stream(stream),
        )
    });
    let served = serve(router).await;
    let mut watch = backend(&served).watch(None);
    assert!(matches!(watch.next().await, Event::Connected));
    let Event::Lost { error, .. } = watch.next().await else {
        panic!("expected the stream to be given up");
    };
    assert!(error.to_string().contains("sign of life"), "{error}");
}
