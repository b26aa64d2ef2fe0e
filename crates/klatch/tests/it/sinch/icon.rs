//! Pictures by address, fetched over real sockets: which of them become an icon, and what is said
//! of the others.

use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use domain::ids::AccountId;
use futures_util::future::join_all;
use insta::assert_snapshot;
use klatch::sandbox;
use klatch::webhook::egress::Rules;
use klatch::webhook::send::FetchFailure;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use super::{
    Refusals, UNKNOWN, create, empty, id_of, info, last_told, news, refusal, send_once, set_number,
    set_suspended, version,
};
use crate::support::receiver::{Behaviour, Names, Receiver, answer, status};
use crate::support::{Answer, TestApp, jpeg};

/// A PNG of this size, as far as its structure goes.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([8, 2, 0, 0, 0]);
    for (kind, data) in [(b"IHDR", &head[..]), (b"IDAT", &[1, 2, 3]), (b"IEND", &[])] {
        bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend(kind);
        bytes.extend(data);
        bytes.extend([0; 4]);
    }
    bytes
}

async fn set(app: &TestApp, group: &str, url: &str) -> Answer {
    let path = format!("/groups/{group}/icon");
    app.sinch(Method::POST, &path, Some(json!({ "url": url }))).await
}

async fn picture(app: &TestApp, group: &str) -> Answer {
    let path = format!("/groups/{}/picture", id_of(app, group).await);
    app.admin(Method::GET, &path, None).await
}

/// What the last callback says, which is about a picture that could not be had.
async fn why(app: &TestApp, group: &str) -> String {
    let callback = last_told(app).await;
    let one = &callback["notifications"][0];
    assert_eq!(one["message"]["event_type"], "group_error_fetching_photo", "{callback}");
    assert_eq!(one["message"]["in_group"], group, "{callback}");
    let text = one["message"]["body"].as_str().unwrap();
    text.trim_matches('\u{200e}').to_owned()
}

/// A server for one connection, which sends these very bytes; then it closes, or says no more.
async fn raw(bytes: Vec<u8>, then_hangs: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/icon", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = [0; 4_096];
        let _ = socket.read(&mut head).await;
        // Whoever has read enough hangs up; that is none of our business.
        let _ = socket.write_all(&bytes).await;
        if then_hangs {
            std::future::pending::<()>().await;
        }
    });
    url
}

/// Six million bytes that begin like a picture.
fn six_megabytes() -> Vec<u8> {
    let mut bytes = jpeg(192, 192);
    bytes.resize(6_000_000, 0);
    bytes
}

#[tokio::test]
async fn a_jpeg_or_a_png_of_any_shape_becomes_the_icon() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    assert_eq!(picture(&app, &group).await.status, StatusCode::NOT_FOUND);
    let receiver = Receiver::start();
    let mut largest = jpeg(192, 192);
    largest.resize(5 * 1_024 * 1_024, 0);
    for (kind, content_type, bytes) in [
        ("image/jpeg", "image/jpeg", jpeg(640, 480)),
        ("image/png", "image/png", png(1, 3_000)),
        // Neither the name nor the header is believed.
        ("image/jpeg", "image/png", jpeg(1, 1)),
        ("image/png", "text/html", png(2, 2)),
        ("image/jpeg", "image/jpeg", largest),
    ] {
        let fetched = answer(200, &[("Content-Type", content_type)], bytes.clone());
        receiver.then([fetched]);
        empty(&set(&app, &group, &receiver.url("/icon.gif?size=1")).await);
        let shown = picture(&app, &group).await;
        assert_eq!(shown.status, StatusCode::OK, "{content_type}");
        assert_eq!(shown.headers[header::CONTENT_TYPE], kind);
        assert_eq!(shown.bytes, bytes);
        assert_eq!(news(&app).await.last().unwrap(), "group_icon_changed");
    }
    let first = receiver.nth(1).await;
    assert_eq!((first.method.as_str(), first.target.as_str()), ("GET", "/icon.gif?size=1"));
    // Of us it says what is fetching; of the caller, nothing.
    assert!(first.header("user-agent").starts_with("klatch/"), "{first:?}");
    for secret in ["authorization", "cookie", "referer", "idempotency-key"] {
        assert!(!first.headers.contains_key(secret), "{first:?}");
    }
    app.assert_log_folds(&id_of(&app, &group).await).await;
}

#[tokio::test]
async fn what_is_no_picture_is_told_by_a_callback() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let receiver = Receiver::start();
    receiver.then([answer(200, &[], jpeg(192, 192))]);
    empty(&set(&app, &group, &receiver.url("/icon")).await);
    let before = (info(&app, &group).await, picture(&app, &group).await.bytes);
    let elsewhere = Receiver::start();
    let whole = png(2, 2);
    let cut_jpeg = jpeg(192, 192);
    let mut shown = Vec::new();
    for (what, behaviour) in [
        ("not there", status(404)),
        ("broken", status(500)),
        ("nothing", status(204)),
        ("nothing, with success", status(200)),
        ("half of it", answer(206, &[], whole.clone())),
        ("moved", answer(301, &[("Location", &elsewhere.url("/"))], Bytes::new())),
        ("moved for now", answer(302, &[("Location", &elsewhere.url("/"))], whole.clone())),
        ("unchanged", status(304)),
        ("a page", answer(200, &[("Content-Type", "image/png")], "<html></html>")),
        ("a GIF", answer(200, &[], &b"GIF89a\x01\0\x01\0"[..])),
        ("an SVG", answer(200, &[], "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")),
        ("a PNG, cut off", answer(200, &[], whole[..whole.len() - 1].to_vec())),
        ("a JPEG, cut off", answer(200, &[], cut_jpeg[..cut_jpeg.len() - 2].to_vec())),
        ("6 MB", answer(200, &[], six_megabytes())),
        ("a byte too much", answer(200, &[], vec![0xFF; 5 * 1_024 * 1_024 + 1])),
    ] {
        receiver.then([behaviour]);
        empty(&set(&app, &group, &receiver.url("/icon")).await);
        shown.push(format!("{what} => {}", why(&app, &group).await));
    }
    assert_snapshot!(shown.join("\n"), @"
    not there => The icon could not be fetched: the answer was 404
    broken => The icon could not be fetched: the answer was 500
    nothing => The icon could not be fetched: the answer was 204
    nothing, with success => The icon could not be fetched: it must be a JPEG or PNG image
    half of it => The icon could not be fetched: the answer was 206
    moved => The icon could not be fetched: the answer was 301; redirects are not followed
    moved for now => The icon could not be fetched: the answer was 302; redirects are not followed
    unchanged => The icon could not be fetched: the answer was 304
    a page => The icon could not be fetched: it must be a JPEG or PNG image
    a GIF => The icon could not be fetched: it must be a JPEG or PNG image
    an SVG => The icon could not be fetched: it must be a JPEG or PNG image
    a PNG, cut off => The icon could not be fetched: it must be a complete PNG image; this one is cut off or damaged
    a JPEG, cut off => The icon could not be fetched: it must be a complete JPEG image; this one is cut off or damaged
    6 MB => The icon could not be fetched: it is longer than 5242880 bytes
    a byte too much => The icon could not be fetched: it is longer than 5242880 bytes
    ");
    assert_eq!(receiver.seen().len(), 16);
    assert_eq!(elsewhere.connections(), 0, "redirects are not followed");
    assert_eq!((info(&app, &group).await, picture(&app, &group).await.bytes), before);
    app.assert_log_folds(&id_of(&app, &group).await).await;
    assert_snapshot!(serde_json::to_string_pretty(&last_told(&app).await).unwrap(), @r#"
    {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "15F1CB9B7B93A0E888C28EF9BC2CDC6000",
          "message": {
            "type": "group_event",
            "event_type": "group_error_fetching_photo",
            "body": "‎‎The icon could not be fetched: it is longer than 5242880 bytes‎",
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn answers_that_break_off_or_do_not_say_how_long_they_are() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let head = |more: &str| format!("HTTP/1.1 200 OK\r\n{more}\r\n").into_bytes();
    let with = |more: &str, body: &[u8]| [head(more), body.to_vec()].concat();
    let chunk = |body: &[u8]| {
        let mut bytes = format!("{:x}\r\n", body.len()).into_bytes();
        bytes.extend(body);
        bytes.extend(b"\r\n");
        bytes
    };
    let chunked = "Transfer-Encoding: chunked\r\n";
    let endless = chunk(&[0xFF; 8_192]).repeat(800);
    for (expected, bytes) in [
        ("it is longer than 5242880 bytes", with("", &six_megabytes())),
        ("it is longer than 5242880 bytes", with(chunked, &endless)),
        // Nobody waits for what is announced as too long.
        ("it is longer than 5242880 bytes", with("Content-Length: 5242881\r\n", b"")),
        ("it is longer than 5242880 bytes", with("Content-Length: 9223372036854775807\r\n", b"")),
        ("the connection broke: ", with("Content-Length: 18446744073709551615\r\n", b"")),
        ("the connection broke: ", with("Content-Length: 1000\r\n", &png(2, 2))),
        ("the connection broke: ", with(chunked, &chunk(&png(2, 2)))),
        ("the connection broke: ", with("Content-Length: -1\r\n", &png(2, 2))),
        ("the connection broke: ", b"HTTP/1.1 200".to_vec()),
        ("the connection broke: ", b"\x16\x03\x01 this is not HTTP\r\n\r\n".to_vec()),
        ("the connection broke: ", Vec::new()),
    ] {
        empty(&set(&app, &group, &raw(bytes, false).await).await);
        let told = why(&app, &group).await;
        let expected = format!("The icon could not be fetched: {expected}");
        assert!(told.starts_with(&expected), "{told} is not {expected}");
        assert!(!told.contains("127.0.0.1"), "{told}");
    }
    let refusing = Receiver::refusing();
    empty(&set(&app, &group, &refusing.url("/")).await);
    let told = why(&app, &group).await;
    assert!(told.starts_with("The icon could not be fetched: no connection: "), "{told}");
    assert_eq!(picture(&app, &group).await.status, StatusCode::NOT_FOUND);

    // Without a word on its length, a picture is a picture.
    let last = [chunk(&png(2, 2)), chunk(b"")].concat();
    for bytes in [with("", &png(2, 2)), with(chunked, &last)] {
        empty(&set(&app, &group, &raw(bytes, false).await).await);
        assert_eq!(news(&app).await.last().unwrap(), "group_icon_changed");
        assert_eq!(picture(&app, &group).await.bytes, png(2, 2));
    }
}

/// The one test that takes ten seconds of real time: all that hang do so at the same time, and the
/// other tests go on meanwhile.
#[tokio::test]
async fn what_does_not_arrive_is_waited_for_no_longer_than_ten_seconds() {
    let app = TestApp::new().await;
    let silent = Receiver::that(Behaviour::Hang(200));
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n";
    let urls = [
        silent.url("/icon"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(), true).await,
        raw(announced.as_bytes().to_vec(), true).await,
        raw([announced.as_bytes(), &png(2, 2)[..20]].concat(), true).await,
    ];
    let mut groups = Vec::new();
    for _ in &urls {
        groups.push(create(&app, "Hello").await);
    }
    let begun = std::time::Instant::now();
    let calls = join_all(groups.iter().zip(&urls).map(|(group, url)| set(&app, group, url)));
    let others = async {
        silent.nth(1).await;
        // Nobody else waits: neither other groups, nor changes of the same one.
        create(&app, "Other").await;
        let body = Some(json!({ "subject": "Renamed" }));
        empty(&app.sinch(Method::PATCH, &format!("/groups/{}", groups[0]), body).await);
        assert!(begun.elapsed() < Duration::from_secs(9));
    };
    let (answers, ()) = tokio::join!(calls, others);
    assert!(begun.elapsed() < Duration::from_secs(20), "they do not wait for each other");
    for (answer, group) in answers.iter().zip(&groups) {
        empty(answer);
        assert_eq!(picture(&app, group).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(info(&app, &groups[0]).await["subject"], "Renamed");
    let callback = last_told(&app).await;
    let group = callback["notifications"][0]["in_group"].as_str().unwrap();
    let late = "The icon could not be fetched: it did not arrive within 10 s";
    assert_eq!(why(&app, group).await, late);
    let failed = news(&app).await;
    let failed = failed.iter().filter(|kind| *kind == "group_error_fetching_photo");
    assert_eq!(failed.count(), urls.len());
}

/// Bytes that trickle in are as late as those that do not come.
#[tokio::test]
async fn the_time_is_for_the_whole_answer() {
    let app = TestApp::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = [0; 4_096];
        let _ = socket.read(&mut head).await;
        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while socket.write_all(b"x").await.is_ok() {
            ticks.tick().await;
        }
    });
    let client = app.app.outbound.of(&AccountId::parse(sandbox::ACCOUNT).unwrap());
    let fetched = client.fetch(&url, 5_000_000, Duration::from_millis(200)).await;
    let late = FetchFailure::Failed("it did not arrive within 0.2 s".to_owned());
    assert_eq!(fetched.unwrap_err(), late);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of refusals")]
async fn addresses_that_must_not_be_fetched_are_refused() {
    let names = Names::default()
        .at("public.example", "93.184.216.34")
        .at("private.example", "10.0.0.1")
        .at("metadata.example", "169.254.169.254")
        .at("six.example", "fd00::1");
    let app = TestApp::outbound(Rules::default(), names).await;
    let group = create(&app, "Hello").await;
    let receiver = Receiver::start();
    let (long, longest) = ("x".repeat(3_000), "x".repeat(2_048 - 23));
    let mut refusals = Refusals::default();
    for (what, url) in [
        ("a private name", "https://private.example/a.jpg"),
        ("a name of the cloud", "https://metadata.example/latest"),
        ("a private name in IPv6", "https://six.example/a.jpg"),
        ("loopback", "https://127.0.0.1/a.jpg"),
        ("loopback with a port", &format!("https://127.0.0.1:{}/a.jpg", receiver.port)),
        ("loopback as a number", "https://2130706433/a.jpg"),
        ("loopback in IPv6", "https://[::1]/a.jpg"),
        ("loopback as IPv4 in IPv6", "https://[::ffff:7f00:1]/a.jpg"),
        ("private", "https://10.0.0.1/a.jpg"),
        ("anywhere", "https://0.0.0.0/a.jpg"),
        ("without TLS", "http://public.example/a.jpg"),
        ("without TLS, to us", &receiver.url("/a.jpg")),
        ("FTP", "ftp://public.example/a.jpg"),
        ("a file", "file:///etc/passwd"),
        ("data", "data:image/png;base64,iVBORw0KGgo="),
        ("a user", "https://user@public.example/a.jpg"),
        ("a user and a password", "https://user:pass@public.example/a.jpg"),
        ("a fragment", "https://public.example/a.jpg#x"),
        ("an empty fragment", "https://public.example/a.jpg#"),
        ("port 0", "https://public.example:0/a.jpg"),
        ("a port beyond all", "https://public.example:65536/a.jpg"),
        ("empty", ""),
        ("blank", "   "),
        ("3,000 characters", &format!("https://public.example/{long}")),
        ("2,049 characters", &format!("https://public.example/{longest}x")),
        ("a path", "/a.jpg"),
        ("words", "not a url"),
        ("no host", "https://"),
        ("no scheme", "public.example/a.jpg"),
        ("a script", "javascript:alert(1)"),
    ] {
        refusals.add(what, &set(&app, &group, url).await);
    }
    for (what, body) in [
        ("missing", json!({})),
        ("null", json!({ "url": null })),
        ("a number", json!({ "url": 5 })),
        ("a list", json!({ "url": ["https://public.example/a.jpg"] })),
        ("another field", json!({ "link": "https://public.example/a.jpg" })),
    ] {
        let path = format!("/groups/{group}/icon");
        refusals.add(what, &app.sinch(Method::POST, &path, Some(body)).await);
    }
    assert_snapshot!(refusals.shown(), @"
    a private name => 400 Validation error: Field [url] cannot be reached: private.example is not allowed (the operator can allow its network with webhook_allow)
    a name of the cloud => 400 Validation error: Field [url] cannot be reached: metadata.example is not allowed (the operator can allow its network with webhook_allow)
    a private name in IPv6 => 400 Validation error: Field [url] cannot be reached: six.example is not allowed (the operator can allow its network with webhook_allow)
    loopback => 400 Validation error: Field [url] cannot be reached: 127.0.0.1 is not allowed (the operator can allow its network with webhook_allow)
    loopback with a port => 400 Validation error: Field [url] cannot be reached: 127.0.0.1 is not allowed (the operator can allow its network with webhook_allow)
    loopback as a number => 400 Validation error: Field [url] cannot be reached: 127.0.0.1 is not allowed (the operator can allow its network with webhook_allow)
    loopback in IPv6 => 400 Validation error: Field [url] cannot be reached: [::1] is not allowed (the operator can allow its network with webhook_allow)
    loopback as IPv4 in IPv6 => 400 Validation error: Field [url] cannot be reached: [::ffff:7f00:1] is not allowed (the operator can allow its network with webhook_allow)
    private => 400 Validation error: Field [url] cannot be reached: 10.0.0.1 is not allowed (the operator can allow its network with webhook_allow)
    anywhere => 400 Validation error: Field [url] cannot be reached: 0.0.0.0 is not allowed (the operator can allow its network with webhook_allow)
    without TLS => 400 Validation error: Field [url] must begin with https:// (the operator can allow http with webhook_allow_http)
    without TLS, to us => 400 Validation error: Field [url] must begin with https:// (the operator can allow http with webhook_allow_http); cannot be reached: 127.0.0.1 is not allowed (the operator can allow its network with webhook_allow)
    FTP => 400 Validation error: Field [url] must begin with https://
    a file => 400 Validation error: Field [url] must begin with https://
    data => 400 Validation error: Field [url] must begin with https://
    a user => 400 Validation error: Field [url] must not hold a user name or password: send them in headers
    a user and a password => 400 Validation error: Field [url] must not hold a user name or password: send them in headers
    a fragment => 400 Validation error: Field [url] must not have a fragment (#…)
    an empty fragment => 400 Validation error: Field [url] must not have a fragment (#…)
    port 0 => 400 Validation error: Field [url] must not have port 0
    a port beyond all => 400 Validation error: Field [url] must be an address such as https://example.com/hook: invalid port number
    empty => 400 Validation error: Field [url] can not be empty
    blank => 400 Validation error: Field [url] can not be empty
    3,000 characters => 400 Validation error: Field [url] must not be longer than 2048 characters (it has 3023)
    2,049 characters => 400 Validation error: Field [url] must not be longer than 2048 characters (it has 2049)
    a path => 400 Validation error: Field [url] must be an address such as https://example.com/hook: relative URL without a base
    words => 400 Validation error: Field [url] must be an address such as https://example.com/hook: relative URL without a base
    no host => 400 Validation error: Field [url] must be an address such as https://example.com/hook: empty host
    no scheme => 400 Validation error: Field [url] must be an address such as https://example.com/hook: relative URL without a base
    a script => 400 Validation error: Field [url] must begin with https://
    missing => 400 Validation error: Field [url] can not be empty
    null => 400 Validation error: Field [url] can not be empty
    a number => 400 Validation error: Field [url] has the wrong type: integer, expected a string
    a list => 400 Validation error: Field [url] has the wrong type: list, expected a string
    another field => 400 Validation error: Field [url] can not be empty
    ");
    assert_eq!(receiver.connections(), 0);
    assert_eq!(version(&app, &group).await, 1, "a refused call is no event");
}

#[tokio::test]
async fn a_name_that_moves_is_not_followed_to_a_private_place() {
    let names = Names::default()
        .first_at("moves.example", &["93.184.216.34", "127.0.0.1"])
        .at("private.example", "127.0.0.1");
    let rules = Rules { allow: Vec::new(), allow_http: true };
    let app = TestApp::outbound(rules, names).await;
    let group = create(&app, "Hello").await;
    let receiver = Receiver::start();
    empty(&set(&app, &group, &receiver.url_at("moves.example", "/a.jpg")).await);
    assert_snapshot!(why(&app, &group).await, @"The icon could not be fetched: moves.example is not allowed (the operator can allow its network with webhook_allow)");
    // A name that nobody knows is told of in the same way.
    empty(&set(&app, &group, &receiver.url_at("nowhere.example", "/a.jpg")).await);
    assert_snapshot!(why(&app, &group).await, @"The icon could not be fetched: no connection: there is no such host");
    let mut refusals = Refusals::default();
    for host in ["127.0.0.1", "private.example"] {
        refusals.add(host, &set(&app, &group, &receiver.url_at(host, "/a.jpg")).await);
    }
    assert_snapshot!(refusals.shown(), @"
    127.0.0.1 => 400 Validation error: Field [url] cannot be reached: 127.0.0.1 is not allowed (the operator can allow its network with webhook_allow)
    private.example => 400 Validation error: Field [url] cannot be reached: private.example is not allowed (the operator can allow its network with webhook_allow)
    ");
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn what_would_be_refused_anyway_is_not_fetched() {
    let app = TestApp::new().await;
    let receiver = Receiver::that(answer(200, &[], png(2, 2)));
    let url = receiver.url("/a.png");
    let group = create(&app, "Hello").await;
    let left = create(&app, "Left").await;
    empty(&app.sinch(Method::DELETE, &format!("/groups/{left}"), None).await);
    let mut refusals = Refusals::default();
    for unknown in ["group:15550783881-1", "never", &left] {
        assert_eq!(refusal(&set(&app, unknown, &url).await), UNKNOWN);
    }
    set_suspended(&app, &group, true).await;
    refusals.add("suspended", &set(&app, &group, &url).await);
    set_suspended(&app, &group, false).await;
    set_number(&app, json!({ "eligibility": "not_eligible" })).await;
    refusals.add("not eligible", &set(&app, &group, &url).await);
    let limits = json!({ "operations_per_minute": 1 });
    set_number(&app, json!({ "eligibility": "eligible", "limits": limits })).await;
    let subject = Some(json!({ "subject": "New" }));
    empty(&app.sinch(Method::PATCH, &format!("/groups/{group}"), subject).await);
    refusals.add("too many", &set(&app, &group, &url).await);
    app.clock.advance(Duration::from_millis(59_999));
    refusals.add("still too many", &set(&app, &group, &url).await);
    assert_snapshot!(refusals.shown(), @"
    suspended => 406 406: the group is suspended
    not eligible => 406 406: the number is not eligible for groups
    too many => 429 429: the number has used up its 1 group operation a minute; the next one is possible in 60 s
    still too many => 429 429: the number has used up its 1 group operation a minute; the next one is possible in 1 s
    ");
    assert_eq!(receiver.connections(), 0);
    // Having asked in vain has used up nothing.
    app.clock.advance(Duration::from_millis(1));
    empty(&set(&app, &group, &url).await);
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test]
async fn the_same_call_twice_fetches_once() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let receiver = Receiver::start();
    let path = format!("/groups/{group}/icon");
    let once = async |key: &str, file: &str| {
        let body: Option<Value> = Some(json!({ "url": receiver.url(file) }));
        send_once(&app, key, Method::POST, &path, body).await
    };
    receiver.then([answer(200, &[], png(2, 2)), status(404)]);
    for _ in 0..3 {
        empty(&once("well", "/a.png").await);
    }
    // A picture that could not be had is an answer, too.
    for _ in 0..3 {
        empty(&once("badly", "/b.png").await);
    }
    assert_eq!(receiver.seen().len(), 2);
    assert_eq!(
        refusal(&once("well", "/c.png").await),
        "409 409: Idempotency-Key was used for another request; choose a new one"
    );
    assert_eq!(receiver.seen().len(), 2);
    assert_eq!(
        news(&app).await,
        ["group_created 15550783881", "group_icon_changed", "group_error_fetching_photo"]
    );
    // At once, too, it happens once.
    receiver.usually(answer(200, &[], png(3, 3)));
    let calls = join_all((0..4).map(|_| once("together", "/d.png"))).await;
    calls.iter().for_each(empty);
    assert_eq!(news(&app).await.len(), 4);
}
