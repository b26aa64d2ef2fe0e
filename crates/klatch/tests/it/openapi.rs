//! The documents: served, committed, complete and sound.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use klatch::openapi::DOCUMENTS;
use serde_json::Value;

use crate::support::TestApp;

fn document(name: &str) -> Value {
    let document = DOCUMENTS.iter().find(|document| document.name == name).unwrap();
    serde_json::from_str(document.json()).unwrap()
}

/// Every operation of a document: method, path and the operation itself.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &'_ Value)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(|method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
    };
    let names: Vec<String> = paths.iter().flat_map(of_path).collect();
    let operation = |name: &String| {
        let (method, path) = name.split_once(' ').unwrap();
        &paths[path][method.to_lowercase()]
    };
    let found: Vec<&Value> = names.iter().map(operation).collect();
    names.into_iter().zip(found).collect()
}

/// Whether an operation needs no key: it is the one that gives them.
fn is_open(operation: &Value) -> bool {
    operation["security"] == serde_json::json!([{}])
}

#[test]
fn the_committed_documents_are_those_of_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi");
    for document in &DOCUMENTS {
        let name = document.name;
        let file = folder.join(format!("{name}.json"));
        let committed = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        // Not `assert_eq`: nobody wants to read both documents.
        assert!(
            committed == document.json(),
            "docs/openapi/{name}.json is out of date: \
             `cargo run -- openapi {name} > docs/openapi/{name}.json`"
        );
    }
    let mut files: Vec<_> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["d360.json", "klatch.json", "meta.json", "sinch.json"]);
}

#[tokio::test]
async fn the_documents_are_served_to_everybody() {
    let app = TestApp::new().await;
    for document in &DOCUMENTS {
        let path = format!("/klatch/openapi/{}.json", document.name);
        let answer = app.send(Request::get(path).body(Body::empty()).unwrap()).await;
        answer.ok();
        assert_eq!(answer.bytes, document.json());
    }
    let request = Request::get("/klatch/openapi/other.json").body(Body::empty());
    assert_eq!(app.send(request.unwrap()).await.status, 404);
}

#[test]
fn the_d360_document_has_the_vendors_operations_and_no_others() {
    let document = document("d360");
    let found: Vec<(String, &str)> = operations(&document)
        .into_iter()
        .map(|(name, operation)| (name, operation["operationId"].as_str().unwrap()))
        .collect();
    let found: BTreeSet<(&str, &str)> = found.iter().map(|(name, id)| (&**name, *id)).collect();
    let published = BTreeSet::from([
        ("GET /groups", "get-active-groups"),
        ("POST /groups", "create-group"),
        ("GET /groups/{group_id}", "get-group-info"),
        ("POST /groups/{group_id}", "update-group-settings"),
        ("DELETE /groups/{group_id}", "delete-group"),
        ("GET /groups/{group_id}/invite_link", "get-group-invite-link"),
        ("POST /groups/{group_id}/invite_link", "reset-group-invite-link"),
        ("GET /groups/{group_id}/join_requests", "get-join-requests"),
        ("POST /groups/{group_id}/join_requests", "approve-join-requests"),
        ("DELETE /groups/{group_id}/join_requests", "reject-join-requests"),
        ("DELETE /groups/{group_id}/participants", "remove-group-participants"),
        ("GET /v1/configs/webhook", "get-webhook"),
        ("POST /v1/configs/webhook", "set-webhook"),
        ("DELETE /v1/configs/webhook", "remove-webhook"),
        ("GET /waba_webhook", "get-waba-webhook"),
        ("POST /waba_webhook", "set-waba-webhook"),
        ("GET /multi_webhook", "get-multi-webhook"),
        ("POST /multi_webhook", "switch-multi-webhook"),
        ("PUT /multi_webhook", "add-multi-webhook"),
        ("PATCH /multi_webhook", "change-multi-webhook"),
    ]);
    assert_eq!(found, published);
}

#[test]
fn the_klatch_document_has_all_our_operations() {
    let document = document("klatch");
    let found: BTreeSet<String> = operations(&document).into_iter().map(|(name, _)| name).collect();
    let ours = [
        "GET /klatch/v1/accounts",
        "POST /klatch/v1/accounts",
        "GET /klatch/v1/accounts/{account_id}",
        "GET /klatch/v1/numbers",
        "POST /klatch/v1/numbers",
        "GET /klatch/v1/numbers/{phone_number_id}",
        "PATCH /klatch/v1/numbers/{phone_number_id}",
        "GET /klatch/v1/keys",
        "POST /klatch/v1/keys",
        "GET /klatch/v1/keys/{key_id}",
        "DELETE /klatch/v1/keys/{key_id}",
        "GET /klatch/v1/subscriptions",
        "POST /klatch/v1/subscriptions",
        "GET /klatch/v1/subscriptions/{subscription_id}",
        "PATCH /klatch/v1/subscriptions/{subscription_id}",
        "DELETE /klatch/v1/subscriptions/{subscription_id}",
        "POST /klatch/v1/subscriptions/{subscription_id}/pause",
        "POST /klatch/v1/subscriptions/{subscription_id}/resume",
        "POST /klatch/v1/subscriptions/{subscription_id}/renew",
        "POST /klatch/v1/subscriptions/{subscription_id}/rotate",
        "POST /klatch/v1/subscriptions/{subscription_id}/test",
        "GET /klatch/v1/events",
        "GET /klatch/v1/deliveries",
        "GET /klatch/v1/deliveries/{delivery_id}",
        "POST /klatch/v1/deliveries/{delivery_id}/replay",
        "POST /klatch/v1/deliveries/replay",
        "GET /klatch/v1/people/{wa_id}",
        "PUT /klatch/v1/people/{wa_id}",
        "POST /klatch/v1/people/{wa_id}/join",
        "POST /klatch/v1/people/{wa_id}/cancel",
        "POST /klatch/v1/people/{wa_id}/leave",
        "GET /klatch/v1/groups/{group_id}/picture",
        "POST /klatch/v1/groups/{group_id}/suspend",
        "POST /klatch/v1/groups/{group_id}/restore",
    ];
    assert_eq!(found, ours.map(str::to_owned).into());
}

#[test]
fn operation_ids_are_unique() {
    for document in &DOCUMENTS {
        let parsed: Value = serde_json::from_str(document.json()).unwrap();
        let mut seen = BTreeSet::new();
        for (name, operation) in operations(&parsed) {
            let id = operation["operationId"].as_str();
            let id = id.unwrap_or_else(|| panic!("{name} of {} has no id", document.name));
            assert!(seen.insert(id.to_owned()), "{}: {id} is there twice", document.name);
        }
    }
}

/// Collects every `$ref` below a value.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(target) if name == "$ref" => found.push(target),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves_and_every_schema_is_used() {
    for document in &DOCUMENTS {
        let parsed: Value = serde_json::from_str(document.json()).unwrap();
        let mut found = Vec::new();
        references(&parsed, &mut found);
        assert!(!found.is_empty(), "{} refers to nothing", document.name);
        for target in &found {
            let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} is far"));
            assert!(parsed.pointer(pointer).is_some(), "{}: {target} is missing", document.name);
        }
        for schema in parsed["components"]["schemas"].as_object().unwrap().keys() {
            let target = format!("#/components/schemas/{schema}");
            assert!(found.contains(&target.as_str()), "{}: {schema} is unused", document.name);
        }
    }
}

#[test]
fn every_operation_names_its_parameters_its_key_and_its_refusals() {
    for document in &DOCUMENTS {
        let parsed: Value = serde_json::from_str(document.json()).unwrap();
        let schemes = parsed["components"]["securitySchemes"].as_object().unwrap();
        let security = parsed["security"][0].as_object().unwrap();
        assert_eq!(
            security.keys().collect::<Vec<_>>(),
            schemes.keys().collect::<Vec<_>>(),
            "{}",
            document.name
        );
        for (name, operation) in operations(&parsed) {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path = parameters.iter().filter(|one| one["in"] == "path");
            let named: Vec<String> =
                in_path.map(|one| format!("{{{}}}", one["name"].as_str().unwrap())).collect();
            let wanted: Vec<&str> = name.split('/').filter(|part| part.starts_with('{')).collect();
            assert_eq!(named, wanted, "{name}");
            let responses = operation["responses"].as_object().unwrap();
            assert_ne!(responses.contains_key("401"), is_open(operation), "{name}: key or no key");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never works");
        }
    }
}

#[tokio::test]
async fn every_operation_of_the_documents_is_there() {
    let app = TestApp::new().await;
    for document in &DOCUMENTS {
        let parsed: Value = serde_json::from_str(document.json()).unwrap();
        for (name, operation) in operations(&parsed) {
            let (method, path) = name.split_once(' ').unwrap();
            let path = path.replace("{version}", "v23.0").replace(['{', '}'], "");
            // Without a key the answer is the same everywhere, but only where there is a route.
            let request = Request::builder().method(method).uri(&path).body(Body::empty());
            let answer = app.send(request.unwrap()).await;
            let missing = String::from_utf8_lossy(&answer.bytes).contains("Missing");
            let (status, open) = (answer.status.as_u16(), is_open(operation));
            assert_eq!((status, missing), if open { (400, true) } else { (401, false) }, "{name}");
        }
    }
}
