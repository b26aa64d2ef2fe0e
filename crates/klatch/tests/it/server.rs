//! The port from outside: real sockets, real bytes, and clients that do not behave.

use std::sync::Arc;
use std::time::Duration;

use klatch::config::{Settings, Storage};
use klatch::kit::peer::Proxies;
use klatch::lifecycle::Running;
use klatch::runtime::Runtime;
use klatch::sandbox;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::FixedClock;
use crate::support::receiver::Receiver;

fn settings() -> Settings {
    let listen = ([127, 0, 0, 1], 0).into();
    Settings { body_timeout: Duration::from_millis(200), ..Settings::dev(listen, Storage::Memory) }
}

async fn start() -> Running {
    Running::start(&settings(), Runtime::system()).await.unwrap()
}

/// A connection from this address of the loopback network.
async fn connect_from(server: &Running, address: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket.connect(server.address).await.unwrap()
}

/// Sends bytes and reads until the server closes.
async fn exchange(server: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The server may have had enough before all is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn get(path: &str, extra: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{extra}\r\n")
        .into_bytes()
}

#[tokio::test]
async fn probes_answer() {
    let server = start().await;
    for (path, expected) in
        [("/healthz", "ok\n"), ("/readyz", "ready\n"), ("/metrics", "klatch_commits_total 0")]
    {
        let answer = exchange(&server, &get(path, "")).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains(expected), "{answer}");
    }
    let figures = exchange(&server, &get("/metrics", "")).await;
    let counted = "klatch_http_requests_total{api=\"probes\",method=\"GET\",status=\"200\"} 3";
    assert!(figures.contains(counted), "{figures}");
    server.stop().await;
}

#[tokio::test]
async fn every_answer_has_an_id() {
    let server = start().await;
    for path in ["/healthz", "/groups", "/klatch/v1/accounts", "/nowhere"] {
        let answer = exchange(&server, &get(path, "")).await;
        assert!(answer.contains("\r\nx-request-id: "), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_header_of_20_kb_is_answered_by_name() {
    let server = start().await;
    let extra = format!("X-Novel: {}\r\n", "x".repeat(20_000));
    let answer = exchange(&server, &get("/groups", &extra)).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(answer.contains(r#"{"error":"The headers are longer than 16384 bytes"#), "{answer}");
    assert!(answer.contains("x-novel"), "{answer}");
    let answer = exchange(&server, &get("/klatch/v1/accounts", &extra)).await;
    assert!(answer.contains(r#""field":"x-novel""#), "{answer}");
    server.stop().await;
}

/// The server stops to read a head at 32 KB, and does not wait for the rest of it.
#[tokio::test]
async fn no_more_than_32_kb_of_a_head_is_read() {
    let server = start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nX-Unfinished: {}", "x".repeat(33_000));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    server.stop().await;
}

/// Waits until the server has so many connections.
async fn until_connections(server: &Running, count: i64) {
    while server.app.metrics.connections.get() != count {
        tokio::task::yield_now().await;
    }
}

/// Answers that are left unread used to hold their connection for ever.
#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let settings = Settings { write_timeout: Duration::from_millis(200), ..settings() };
    let server = Running::start(&settings, Runtime::system()).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    // Many times what the system keeps for a socket.
    let request = b"GET /klatch/openapi/klatch.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(&request.repeat(400)).await.unwrap();
    until_connections(&server, 1).await;
    until_connections(&server, 0).await;
    drop(stream);
    assert!(exchange(&server, &get("/healthz", "")).await.starts_with("HTTP/1.1 200 OK"));
    server.stop().await;
}

/// One address cannot take every place, and one that has its share is answered at once.
#[tokio::test]
async fn an_address_has_its_share_of_connections() {
    let settings = Settings { connections_per_address: Some(3), ..settings() };
    let server = Running::start(&settings, Runtime::system()).await.unwrap();
    let (one, other) = ([127, 0, 0, 7], [127, 0, 0, 8]);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect_from(&server, one).await);
    }
    until_connections(&server, 3).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut answer = String::new();
        connect_from(&server, one).await.read_to_string(&mut answer).await.unwrap();
        answers.push(answer.replace('\r', ""));
    }
    assert_eq!(answers[0], answers[1]);
    insta::assert_snapshot!(answers[0], @r#"
    HTTP/1.1 429 Too Many Requests
    content-type: application/json
    retry-after: 1
    connection: close
    content-length: 104

    {"error":{"code":"too_many_connections","message":"This address has too many connections; close some"}}
    "#);
    assert_eq!(server.app.metrics.connections_refused.get(), 2);
    let figures = server.app.metrics.render();
    assert!(figures.contains("klatch_http_connections_refused_total 2"), "{figures}");

    let mut stream = connect_from(&server, other).await;
    stream.write_all(&get("/healthz", "")).await.unwrap();
    assert!(one_answer(&mut stream).await.starts_with("HTTP/1.1 200 OK"), "another address");
    drop((held, stream));
    until_connections(&server, 0).await;
    let mut stream = connect_from(&server, one).await;
    stream.write_all(&get("/healthz", "")).await.unwrap();
    assert!(one_answer(&mut stream).await.starts_with("HTTP/1.1 200 OK"), "places are given back");
    server.stop().await;
}

/// A proxy speaks for many, and so has any number of connections.
#[tokio::test]
async fn a_trusted_proxy_has_any_number_of_connections() {
    let proxies = Proxies::new(vec!["127.0.0.1/32".parse().unwrap()]);
    let settings = Settings { connections_per_address: Some(1), proxies, ..settings() };
    let server = Running::start(&settings, Runtime::system()).await.unwrap();
    let held = TcpStream::connect(server.address).await.unwrap();
    until_connections(&server, 1).await;
    assert!(exchange(&server, &get("/healthz", "")).await.starts_with("HTTP/1.1 200 OK"));
    drop(held);
    server.stop().await;
}

/// Fifty wrong admin tokens used to be answered like the first. The rest is in `admin`, where the
/// clock stands still.
#[tokio::test]
async fn an_address_that_guesses_admin_tokens_has_to_wait() {
    let server = start().await;
    let extra = "Authorization: Bearer wrong\r\n";
    let mut refused = None;
    for _ in 0..50 {
        let answer = exchange(&server, &get("/klatch/v1/accounts", extra)).await;
        if !answer.starts_with("HTTP/1.1 401 ") {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the address never had to wait");
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    assert!(refused.contains("\r\nretry-after: "), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn a_header_without_end_is_cut_off() {
    let server = start().await;
    let extra = format!("X-Endless: {}", "x".repeat(600_000));
    let answer = exchange(&server, &get("/groups", &extra)).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let alive = exchange(&server, &get("/healthz", "")).await;
    assert!(alive.starts_with("HTTP/1.1 200 OK"), "{alive}");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered() {
    let server = start().await;
    let key = sandbox::KEY;
    let promised = format!(
        "POST /groups HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nD360-API-KEY: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"subject\":"
    );
    let answer = exchange(&server, promised.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("The request body did not arrive in time"), "{answer}");
    server.stop().await;
}

/// Clients that write the body behind the head do not find the connection closed because the answer
/// was given without it.
#[tokio::test]
async fn a_body_that_nobody_wanted_leaves_the_connection_open() {
    let server = start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let body = r#"{"subject":"Hello"}"#;
    for (method, path, extra, status) in [
        ("POST", "/groups", "", "401"),
        ("GET", "/healthz", "", "200"),
        ("PUT", "/360dialog/groups", "", "405"),
        ("POST", "/360dialog/nothing", "", "404"),
        ("GET", "/groups", "D360-API-KEY: klatch-dev\r\n", "200"),
        ("POST", "/klatch/v1/accounts", "", "401"),
        ("POST", "/groups", "D360-API-KEY: klatch-dev\r\n", "200"),
    ] {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{extra}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // A call that reads its body answers once it is here; the others answer before.
        let answered = if status == "200" && method == "POST" {
            stream.write_all(body.as_bytes()).await.unwrap();
            one_answer(&mut stream).await
        } else {
            let answered = one_answer(&mut stream).await;
            stream.write_all(body.as_bytes()).await.unwrap();
            answered
        };
        assert!(answered.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answered}");
    }
    server.stop().await;
}

/// Reads one answer, by its length.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4_096];
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.is_some_and(|length| length.parse() == Ok(body.len())) {
            return text;
        }
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_answered() {
    let server = start().await;
    let key = sandbox::KEY;
    let length = klatch::kit::body::JSON_BYTES_MAX + 1;
    let mut request = format!(
        "POST /groups HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nD360-API-KEY: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend(std::iter::repeat_n(b' ', length));
    let answer = exchange(&server, &request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("longer than"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn nonsense_is_refused_and_harms_nobody() {
    let server = start().await;
    for nonsense in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n"]
    {
        let answer = exchange(&server, nonsense).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let alive = exchange(&server, &get("/healthz", "")).await;
    assert!(alive.starts_with("HTTP/1.1 200 OK"), "{alive}");
    server.stop().await;
}

/// What runs when the server is told to stop is finished; what comes then is not taken.
#[tokio::test]
async fn a_stop_lets_running_requests_finish() {
    let server = start().await;
    let address = server.address;
    let key = sandbox::KEY;
    let body = r#"{"subject":"Just in time"}"#;
    let length = body.len();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /groups HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nD360-API-KEY: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The request is running once it is counted.
    while server.app.metrics.in_flight.get() == 0 {
        tokio::task::yield_now().await;
    }
    let stopping = tokio::spawn(server.stop());
    // The listener is gone once nobody can connect any more.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(stopping.await.unwrap(), "all requests finished");
}

/// A group is made through the port, and its webhook arrives at a receiver with a socket of its own.
/// Gives what the client and the receiver saw.
async fn a_group_is_told_of() -> [String; 4] {
    let runtime = Runtime::seeded(Arc::new(FixedClock::new()), 7);
    let server = Running::start(&settings(), runtime).await.unwrap();
    let receiver = Receiver::start();
    let posted = async |path: &str, header: &str, body: serde_json::Value| {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(&server, request.as_bytes()).await
    };
    let operator = format!("Authorization: Bearer {}", sandbox::ADMIN_TOKEN);
    let new = json!({
        "phone_number_id": sandbox::PHONE_NUMBER_ID,
        "dialect": "d360",
        "url": receiver.url("/hook"),
    });
    let subscribed = posted("/klatch/v1/subscriptions", &operator, new).await;
    assert!(subscribed.starts_with("HTTP/1.1 201 "), "{subscribed}");
    let business = format!("D360-API-KEY: {}", sandbox::KEY);
    let created = posted("/groups", &business, json!({ "subject": "Hello" })).await;
    assert!(created.starts_with("HTTP/1.1 200 "), "{created}");
    let told = receiver.nth(1).await;
    assert!(server.stop().await, "something did not finish");
    let (_, answer) = created.split_once("\r\n\r\n").unwrap();
    let body = String::from_utf8(told.body.to_vec()).unwrap();
    [answer.to_owned(), told.id().to_owned(), told.header("webhook-signature").to_owned(), body]
}

/// With a clock and a seed of the test's, what comes out is the same each time.
#[test]
fn the_whole_server_runs_on_one_thread() {
    let runs = [(); 2].map(|()| {
        let one_thread =
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        one_thread.block_on(a_group_is_told_of())
    });
    let [answer, id, ..] = &runs[0];
    insta::assert_snapshot!(format!("{answer}\n{id}"), @r#"
    {"id":"Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD"}
    msg_1_59d42f789c4dc931
    "#);
    assert_eq!(runs[0], runs[1]);
}
