//! Pages: cursors, and addresses to follow.

use axum::body::Body;
use axum::http::{Method, Request};
use insta::assert_snapshot;
use klatch::sandbox;
use serde_json::{Value, json};

use super::{Refusals, ask};
use crate::support::TestApp;

const BASE: &str = "http://klatch.example:8080";

/// The page at this address, by a caller who knows our host by another name.
async fn page(app: &TestApp, address: &str) -> Value {
    let path = address.strip_prefix(BASE).unwrap_or_else(|| panic!("{address} is not ours"));
    let request = Request::get(path)
        .header("Host", BASE.trim_start_matches("http://"))
        .header("D360-API-KEY", sandbox::KEY)
        .header("Authorization", format!("Bearer {}", sandbox::ADMIN_TOKEN));
    app.send(request.body(Body::empty()).unwrap()).await.ok()
}

/// Reads a list in pages of every length, to its end and back again: the pages are the list
/// without gap or overlap, and the way back shows the very same pages.
pub(crate) async fn assert_pages(
    app: &TestApp,
    path: &str,
    items: fn(&Value) -> Vec<&str>,
    list: &[String],
) {
    assert!(list.len() > 2, "a list of {} has hardly any pages", list.len());
    for limit in 1..=list.len() + 1 {
        let mut forth = vec![page(app, &format!("{BASE}{path}limit={limit}")).await];
        while let Some(next) = forth.last().unwrap()["paging"]["next"].as_str() {
            let next = page(app, next).await;
            forth.push(next);
        }
        let seen: Vec<&str> = forth.iter().flat_map(items).collect();
        assert_eq!(seen, list, "limit {limit}");
        for (index, one) in forth.iter().enumerate() {
            let rest = list.len() - index * limit;
            assert_eq!(items(one).len(), limit.min(rest), "limit {limit}, page {index}");
            let paging = &one["paging"];
            assert_eq!(paging.get("previous").is_some(), index > 0, "limit {limit}, page {index}");
            assert!(paging["cursors"]["before"].is_string(), "limit {limit}, page {index}");
            assert!(paging["cursors"]["after"].is_string(), "limit {limit}, page {index}");
        }
        let mut back = vec![forth.last().unwrap().clone()];
        while let Some(previous) = back.last().unwrap()["paging"]["previous"].as_str() {
            let previous = page(app, previous).await;
            back.push(previous);
        }
        back.reverse();
        assert_eq!(back, forth, "limit {limit}");
    }
}

fn groups(page: &Value) -> Vec<&str> {
    let groups = page["data"]["groups"].as_array().unwrap();
    groups.iter().map(|group| group["id"].as_str().unwrap()).collect()
}

fn requests(page: &Value) -> Vec<&str> {
    let requests = page["data"].as_array().unwrap();
    requests.iter().map(|request| request["join_request_id"].as_str().unwrap()).collect()
}

/// So many groups, the newest first.
async fn some_groups(app: &TestApp, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 1..=count {
        ids.insert(0, app.group(&format!("Group {n}"), "auto_approve").await);
    }
    ids
}

#[tokio::test]
async fn groups_in_pages_of_every_length() {
    let app = TestApp::new().await;
    let ids = some_groups(&app, 7).await;
    assert_pages(&app, "/groups?", groups, &ids).await;
    assert_pages(&app, "/v1/groups?", groups, &ids).await;
    assert_pages(&app, "/groups?colour=r%26d&", groups, &ids).await;
}

#[tokio::test]
async fn join_requests_in_pages_of_every_length() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    let mut ids = Vec::new();
    for n in 1..=7 {
        ids.push(ask(&app, &format!("1650555010{n}"), &link).await);
    }
    assert_pages(&app, &format!("/groups/{group}/join_requests?"), requests, &ids).await;
    assert_pages(&app, &format!("/v1/groups/{group}/join_requests?"), requests, &ids).await;
}

#[tokio::test]
async fn a_page_tells_where_it_is() {
    let app = TestApp::new().await;
    some_groups(&app, 3).await;
    let first = page(&app, &format!("{BASE}/v1/groups?limit=1&note=kept")).await;
    let second = page(&app, first["paging"]["next"].as_str().unwrap()).await;
    assert_snapshot!(serde_json::to_string_pretty(&second).unwrap(), @r#"
    {
      "data": {
        "groups": [
          {
            "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjMzMDQ0MDE5NDQzNzAZD",
            "subject": "Group 2",
            "created_at": 1755548877
          }
        ]
      },
      "paging": {
        "cursors": {
          "before": "NzU0MDAyNTAxODU4NjA0MzI5Nw==",
          "after": "NzU0MDAyNTAxODU4NjA0MzI5Nw=="
        },
        "next": "http://klatch.example:8080/v1/groups?note=kept&limit=1&after=NzU0MDAyNTAxODU4NjA0MzI5Nw%3D%3D",
        "previous": "http://klatch.example:8080/v1/groups?note=kept&limit=1&before=NzU0MDAyNTAxODU4NjA0MzI5Nw%3D%3D"
      }
    }
    "#);
}

#[tokio::test]
async fn a_page_has_25_items_unless_asked_otherwise_and_1024_at_most() {
    let app = TestApp::new().await;
    let ids = some_groups(&app, 26).await;
    let first = page(&app, &format!("{BASE}/groups")).await;
    assert_eq!(groups(&first), &ids[..25]);
    let rest = page(&app, first["paging"]["next"].as_str().unwrap()).await;
    assert_eq!(groups(&rest), &ids[25..]);
    assert_eq!(groups(&page(&app, &format!("{BASE}/groups?limit=1024")).await), ids);
}

#[tokio::test]
async fn reading_on_survives_what_happens_meanwhile() {
    let app = TestApp::new().await;
    let ids = some_groups(&app, 5).await;
    let first = page(&app, &format!("{BASE}/groups?limit=2")).await;
    assert_eq!(groups(&first), &ids[..2]);
    // The cursor's own group goes, the one behind it goes, and a new one comes.
    for gone in &ids[1..3] {
        app.d360(Method::DELETE, &format!("/groups/{gone}"), None).await.ok();
    }
    app.group("New", "auto_approve").await;
    let second = page(&app, first["paging"]["next"].as_str().unwrap()).await;
    assert_eq!(groups(&second), &ids[3..]);
}

#[tokio::test]
async fn a_cursor_may_lose_its_padding_and_an_empty_one_is_none() {
    let app = TestApp::new().await;
    let ids = some_groups(&app, 3).await;
    let first = page(&app, &format!("{BASE}/groups?limit=1&after=&before=")).await;
    assert_eq!(groups(&first), &ids[..1]);
    let after = first["paging"]["cursors"]["after"].as_str().unwrap();
    for cursor in [after.trim_end_matches('='), &after.replace('=', "%3D"), after] {
        let next = page(&app, &format!("{BASE}/groups?limit=1&after={cursor}")).await;
        assert_eq!(groups(&next), &ids[1..2], "{cursor}");
    }
}

#[tokio::test]
async fn without_a_host_addresses_are_whole_nevertheless() {
    let app = TestApp::new().await;
    some_groups(&app, 2).await;
    let body = app.d360(Method::GET, "/groups?limit=1", None).await.ok();
    let next = body["paging"]["next"].as_str().unwrap();
    assert!(next.starts_with("http://localhost/groups?limit=1&after="), "{next}");
}

#[tokio::test]
async fn limits_and_cursors_that_lead_nowhere_are_refused_by_name() {
    let app = TestApp::new().await;
    some_groups(&app, 2).await;
    let group = app.group("Asked", "approval_required").await;
    let other = app.group("Other", "approval_required").await;
    let mut cursors = Vec::new();
    for one in [&group, &other] {
        ask(&app, "16505550101", &app.link(one).await).await;
        let path = format!("/groups/{one}/join_requests");
        let page = app.d360(Method::GET, &path, None).await.ok();
        cursors.push(page["paging"]["cursors"]["after"].as_str().unwrap().to_owned());
    }
    let stranger = app.stranger().await;
    let body = json!({ "subject": "Theirs" });
    app.d360_as(&stranger, Method::POST, "/groups", Some(body)).await.ok();
    let theirs = app.d360_as(&stranger, Method::GET, "/groups", None).await.ok();
    let theirs = theirs["paging"]["cursors"]["after"].as_str().unwrap();
    let ours = app.d360(Method::GET, "/groups", None).await.ok();
    let ours = ours["paging"]["cursors"]["after"].as_str().unwrap();
    // Another letter in the middle is another number, or none.
    let other = if &ours[10..11] == "A" { "B" } else { "A" };
    let damaged = format!("{}{other}{}", &ours[..10], &ours[11..]);
    assert_ne!(damaged, ours);

    let mut refusals = Refusals::default();
    for (what, query) in [
        ("limit 0", "limit=0".to_owned()),
        ("limit 1025", "limit=1025".to_owned()),
        ("limit -1", "limit=-1".to_owned()),
        ("limit abc", "limit=abc".to_owned()),
        ("limit 1.5", "limit=1.5".to_owned()),
        ("limit huge", "limit=99999999999999999999".to_owned()),
        ("after damaged", format!("after={damaged}")),
        ("before damaged", format!("before={damaged}")),
        ("after cut off", format!("after={}", &ours[..8])),
        ("after of other letters", "after=%FF%00".to_owned()),
        ("after a number", "after=17".to_owned()),
        ("after of another number", format!("after={theirs}")),
        ("before of another number", format!("before={theirs}")),
        ("after of join requests", format!("after={}", cursors[0])),
        ("both", format!("after={ours}&before={ours}")),
    ] {
        refusals.add(what, &app.d360(Method::GET, &format!("/groups?{query}"), None).await);
    }
    for (what, query) in [
        ("limit 0 of requests", "limit=0".to_owned()),
        ("limit 1025 of requests", "limit=1025".to_owned()),
        ("after of another group", format!("after={}", cursors[1])),
        ("after of groups", format!("after={ours}")),
        ("both of requests", format!("after={0}&before={0}", cursors[0])),
    ] {
        let path = format!("/groups/{group}/join_requests?{query}");
        refusals.add(what, &app.d360(Method::GET, &path, None).await);
    }
    assert_snapshot!(refusals.shown(), @"
    limit 0: 400 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit 1025: 400 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit -1: 400 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit abc: 400 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit 1.5: 400 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit huge: 400 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    after damaged: 400 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    before damaged: 400 (#131059) Invalid cursor: before is not a cursor of this list; start again from the first page
    after cut off: 400 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    after of other letters: 400 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    after a number: 400 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    after of another number: 400 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    before of another number: 400 (#131059) Invalid cursor: before is not a cursor of this list; start again from the first page
    after of join requests: 400 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    both: 400 (#100) Invalid parameter: before cannot be combined with after
    limit 0 of requests: 400 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit 1025 of requests: 400 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    after of another group: 400 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    after of groups: 400 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    both of requests: 400 (#100) Invalid parameter: before cannot be combined with after
    ");
}
