//! What the port does before any API: browsers, hosts, and addresses behind a proxy.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{Method, Request, header};
use insta::assert_snapshot;
use klatch::kit::choice::Hosts;
use klatch::kit::peer::{Peer, Proxies};
use klatch::sandbox;
use serde_json::Value;

use crate::support::{Answer, TestApp};

/// A path of each vendor's API, and of those that are no vendor's.
const VENDORS: [&str; 3] =
    ["/v23.0/106540352242922/groups", "/360dialog/groups", "/whatsapp/v1/klatch/groups"];
const OURS: [&str; 3] = ["/klatch/v1/accounts", "/healthz", "/metrics"];

/// Status and headers that concern browsers.
fn cors(answer: &Answer) -> String {
    let mut text = answer.status.as_u16().to_string();
    for (name, value) in &answer.headers {
        if name.as_str().starts_with("access-control-") || *name == header::VARY {
            write!(text, "\n{name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    text
}

#[tokio::test]
async fn a_page_may_call_the_vendors_apis() {
    let app = TestApp::new().await;
    let preflight = async |path: &str| {
        let request = Request::options(path)
            .header(header::ORIGIN, "https://app.example")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type");
        app.send(request.body(Body::empty()).unwrap()).await
    };
    let mut preflights = Vec::new();
    for path in VENDORS {
        preflights.push(cors(&preflight(path).await));
        let request = Request::get(path)
            .header(header::ORIGIN, "https://app.example")
            .header("D360-API-KEY", sandbox::KEY)
            .header(header::AUTHORIZATION, format!("Bearer {}", sandbox::KEY));
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(cors(&answer), "200\naccess-control-allow-origin: *", "{path}");
        let refused = app.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(cors(&refused), "401\naccess-control-allow-origin: *", "{path}");
    }
    assert!(preflights.iter().all(|one| *one == preflights[0]), "{preflights:?}");
    assert_snapshot!(preflights[0], @"
    200
    access-control-allow-methods: GET, POST, PUT, PATCH, DELETE
    access-control-allow-headers: authorization,content-type
    access-control-max-age: 7200
    vary: access-control-request-headers
    access-control-allow-origin: *
    ");
    for path in OURS {
        assert_eq!(cors(&preflight(path).await), "405", "{path}");
        let request = Request::get(path)
            .header(header::ORIGIN, "https://app.example")
            .header(header::AUTHORIZATION, format!("Bearer {}", sandbox::ADMIN_TOKEN));
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(cors(&answer), "200", "{path}");
    }
    // Without an origin it is no browser.
    let plain = app.send(Request::options(VENDORS[1]).body(Body::empty()).unwrap()).await;
    assert_eq!(plain.status, 405);
}

#[tokio::test]
async fn a_sandbox_does_not_answer_to_a_foreign_host() {
    let app = TestApp::configured(|settings| settings.hosts = Hosts::own(false, None)).await;
    let mut shown = String::new();
    for path in [&VENDORS[..], &OURS[..2]].concat() {
        let request = Request::get(path)
            .header(header::HOST, "rebound.example:8080")
            .header("D360-API-KEY", sandbox::KEY)
            .header(header::AUTHORIZATION, format!("Bearer {}", sandbox::ADMIN_TOKEN));
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        writeln!(shown, "{path} {}", answer.shown()).unwrap();
    }
    assert_snapshot!(shown, @r#"
    /v23.0/106540352242922/groups 403 Forbidden
    {
      "error": {
        "message": "(#100) Invalid parameter",
        "type": "OAuthException",
        "code": 100,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "This sandbox does not answer to the Host \"rebound.example:8080\", since a web page could stand behind it: use localhost, or start klatch dev with --public-url"
        }
      }
    }
    /360dialog/groups 403 Forbidden
    {
      "error": "This sandbox does not answer to the Host \"rebound.example:8080\", since a web page could stand behind it: use localhost, or start klatch dev with --public-url",
      "meta": {
        "success": false,
        "http_code": 403,
        "developer_message": "This sandbox does not answer to the Host \"rebound.example:8080\", since a web page could stand behind it: use localhost, or start klatch dev with --public-url"
      }
    }
    /whatsapp/v1/klatch/groups 403 Forbidden
    {
      "message": "403",
      "reason": "This sandbox does not answer to the Host \"rebound.example:8080\", since a web page could stand behind it: use localhost, or start klatch dev with --public-url",
      "details": "This sandbox does not answer to the Host \"rebound.example:8080\", since a web page could stand behind it: use localhost, or start klatch dev with --public-url"
    }
    /klatch/v1/accounts 403 Forbidden
    {
      "error": {
        "code": "foreign_host",
        "message": "This sandbox does not answer to the Host \"rebound.example:8080\", since a web page could stand behind it: use localhost, or start klatch dev with --public-url",
        "field": "Host"
      }
    }
    /healthz 403 Forbidden
    {
      "error": {
        "code": "foreign_host",
        "message": "This sandbox does not answer to the Host \"rebound.example:8080\", since a web page could stand behind it: use localhost, or start klatch dev with --public-url",
        "field": "Host"
      }
    }
    "#);
    for host in ["localhost:8080", "127.0.0.1", "[::1]:8080", "graph.facebook.com"] {
        let request = Request::get("/v23.0/106540352242922/groups")
            .header(header::HOST, host)
            .header(header::AUTHORIZATION, format!("Bearer {}", sandbox::KEY));
        app.send(request.body(Body::empty()).unwrap()).await.ok();
    }
}

/// The address of the next page, as a request with these headers and this token in the query or in
/// the header finds it.
async fn next(app: &TestApp, headers: &[(&str, &str)], token_in_query: bool) -> String {
    let path = "/v23.0/106540352242922/groups?limit=1";
    let key = sandbox::KEY;
    let mut request = if token_in_query {
        Request::get(format!("{path}&access_token={key}"))
    } else {
        Request::get(path).header(header::AUTHORIZATION, format!("Bearer {key}"))
    };
    request = request.extension(Peer::new([10, 0, 0, 1].into()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = app.send(request.body(Body::empty()).unwrap()).await.ok();
    let next = answer["paging"]["next"].as_str().unwrap();
    next.split("limit=").next().unwrap().to_owned()
}

async fn with_two_groups(app: TestApp) -> TestApp {
    for subject in ["One", "Two"] {
        app.group(subject, "auto_approve").await;
    }
    app
}

#[tokio::test]
async fn pages_name_the_address_that_the_client_used() {
    let path = "/v23.0/106540352242922/groups?";
    let host = ("host", "klatch.example");
    let forwarded =
        [host, ("x-forwarded-proto", "https"), ("x-forwarded-host", "api.example:8443")];
    let standard = [host, ("forwarded", "for=192.0.2.1;proto=https;host=api.example")];

    let plain = with_two_groups(TestApp::new().await).await;
    assert_eq!(next(&plain, &[host], false).await, format!("http://klatch.example{path}"));
    assert_eq!(next(&plain, &forwarded, false).await, format!("http://klatch.example{path}"));
    assert_eq!(
        next(&plain, &[host], true).await,
        format!("http://klatch.example{path}access_token={}&", sandbox::KEY),
        "a token that came in the query stays there"
    );

    let proxied = TestApp::configured(|settings| {
        settings.proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    });
    let proxied = with_two_groups(proxied.await).await;
    assert_eq!(next(&proxied, &[host], false).await, format!("http://klatch.example{path}"));
    assert_eq!(next(&proxied, &forwarded, false).await, format!("https://api.example:8443{path}"));
    assert_eq!(next(&proxied, &standard, false).await, format!("https://api.example{path}"));

    let public = TestApp::configured(|settings| {
        settings.proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        settings.public_url = Some("https://public.example/base".to_owned());
    });
    let public = with_two_groups(public.await).await;
    let expected = format!("https://public.example/base{path}");
    assert_eq!(next(&public, &forwarded, false).await, expected);
}

/// Behind a proxy that passes on whom it was asked for, the vendor is known by that host.
#[tokio::test]
async fn a_proxy_says_which_vendor_is_meant() {
    let app = TestApp::configured(|settings| {
        settings.proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    })
    .await;
    let request = Request::builder()
        .method(Method::GET)
        .uri("/groups")
        .header(header::AUTHORIZATION, format!("Bearer {}", sandbox::KEY))
        .header("x-forwarded-host", "graph.facebook.com")
        .extension(Peer::new([10, 0, 0, 1].into()));
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    let body: Value = answer.json();
    assert!(body["error"]["type"].is_string(), "in Graph's envelope: {body}");
}
