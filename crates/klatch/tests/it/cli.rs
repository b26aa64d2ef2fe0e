//! The program as a person runs it.

use std::os::unix::fs::PermissionsExt as _;

use domain::ids::AccountId;
use domain::values::Timestamp;
use klatch::directory::{Account, Actor, PersonKey, RecordChange, Secret, VendorApp};
use klatch::metrics::Metrics;
use klatch::runtime::Runtime;
use klatch::sandbox;
use klatch::store::Store as _;
use klatch::store::sqlite::Sqlite;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::process::{Sandbox, complained, printed, program, run};

#[test]
fn the_tour_shows_a_whole_life() {
    shows(
        &["tour", "--dialect", "360dialog"],
        &[
            "POST /groups",
            "/invite_link",
            "\"result\": \"requested\"",
            "<- webhook msg_",
            "authorization: Basic dG91cjp0b3Vy",
            "\"type\": \"group_create\"",
            "\"type\": \"group_join_request_created\"",
            "\"type\": \"group_participants_add\"",
            "\"type\": \"group_participants_remove\"",
            "\"type\": \"group_settings_update\"",
            "\"type\": \"group_delete\"",
            "\"approved_join_requests\"",
            "\"rejected_join_requests\"",
            "\"code\": 131213",
            "\"removed_by_business\"",
            "\"invite_link_dead\"",
            "\"Test drives, May\"",
            "DELETE /groups/",
            "(#131041) Group unknown",
            "Now your turn: klatch dev",
        ],
    );
}

#[test]
fn the_tour_in_metas_words() {
    shows(
        &["tour"],
        &[
            "POST /v23.0/155507838810001/subscriptions",
            "POST /v23.0/102290129340398/subscribed_apps",
            "POST /v23.0/106540352242922/groups",
            "x-hub-signature-256: sha256=",
            "\"type\": \"group_join_request_created\"",
            "\"username\": \"ann.lee\"",
            "206 Partial Content",
            "\"code\": 131201",
            "\"code\": 131212",
            "\"success\": \"true\"",
            "\"message\": \"(#131041) Group unknown\"",
            "Now your turn: klatch dev",
        ],
    );
}

#[test]
fn the_tour_in_sinchs_words() {
    shows(
        &["tour", "--dialect", "sinch"],
        &[
            "POST /whatsapp/v1/klatch/groups",
            "\"group_id\": \"group:15550783881-",
            "sinch-whatsapp-callback-signature: ",
            "\"event_type\": \"group_user_promoted\"",
            "406 Not Acceptable",
            "\"event_type\": \"group_error_fetching_photo\"",
            "\"event_type\": \"group_invite_link_revoked\"",
            "\"results\": [",
            "Now your turn: klatch dev",
        ],
    );
}

/// A command succeeds, complains of nothing, and prints all of this.
#[track_caller]
fn shows(command: &[&str], steps: &[&str]) {
    let output = run(command);
    assert!(output.status.success(), "{}", complained(&output));
    let text = printed(&output);
    for step in steps {
        assert!(text.contains(step), "{command:?} does not show {step}:\n{text}");
    }
    assert_eq!(complained(&output), "");
}

#[tokio::test]
async fn a_sandbox_is_played_from_the_terminal() {
    let sandbox = Sandbox::start(None);
    let klatch = |args: &[&str]| {
        let output = program(args).env("KLATCH_URL", &sandbox.url).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", complained(&output));
        serde_json::from_str::<Value>(&printed(&output)).unwrap()
    };
    let body = json!({ "subject": "Hello", "join_approval_mode": "approval_required" });
    let (_, created) = sandbox.call(Method::POST, "/groups", Some(body)).await.unwrap();
    let group = created["id"].as_str().unwrap();
    let path = format!("/groups/{group}/invite_link");
    let (_, link) = sandbox.call(Method::GET, &path, None).await.unwrap();
    let link = link["invite_link"].as_str().unwrap();

    let asked = klatch(&["person", "16505551234", "join", link]);
    assert_eq!(asked["result"], "requested");
    let shown = klatch(&["person", "16505551234", "show"]);
    assert_eq!(shown["join_requests"][0]["group_id"], group);
    assert_eq!(klatch(&["person", "16505551234", "cancel", group])["result"], "cancelled");
    assert_eq!(klatch(&["group", "suspend", group])["suspended"], true);
    assert_eq!(klatch(&["group", "restore", group])["suspended"], false);

    let account = klatch(&["account", "add", "Acme Motors", "--id", "acc_acme"]);
    assert_eq!(account["name"], "Acme Motors");
    let number = klatch(&["number", "add", "acc_acme", "+44 7700 900123"]);
    let number = number["phone_number_id"].as_str().unwrap();
    let limited = klatch(&["number", "limits", number, "--participants", "20"]);
    assert_eq!(
        limited["limits"],
        json!({ "participants": 20, "groups": 10_000, "operations_per_minute": 0 })
    );
    assert_eq!(limited["answers"], "published");
    for answers in ["superset", "published"] {
        assert_eq!(klatch(&["number", "answers", number, answers])["answers"], answers);
    }
    let key = klatch(&["key", "add", "--phone-number-id", number]);
    assert_eq!(key["key"].as_str().unwrap().len(), 32);
    let revoked = klatch(&["key", "revoke", key["id"].as_str().unwrap()]);
    assert!(revoked["revoked_at"].is_string());
    let shown = klatch(&["account", "show", "acc_acme"]);
    assert_eq!(shown, account, "what was answered at `add`, the app secret included");
    assert_eq!(shown["app_secret"].as_str().unwrap().len(), 32);
    assert_eq!(klatch(&["number", "show", number]), limited);
    assert_eq!(klatch(&["key", "show", revoked["id"].as_str().unwrap()]), revoked);
    for (list, length) in [("account", 2), ("number", 2), ("key", 2)] {
        assert_eq!(klatch(&[list, "list"])["data"].as_array().unwrap().len(), length, "{list}");
    }
    assert_eq!(sandbox.terminate(), Some(0), "SIGTERM ends it in order");
}

#[tokio::test]
async fn data_outlive_a_sandbox_that_was_told_where_to_keep_them() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(Some(folder.path()));
    let body = json!({ "subject": "Kept" });
    let (_, created) = sandbox.call(Method::POST, "/groups", Some(body)).await.unwrap();

    let folder_name = folder.path().display().to_string();
    let second = run(&["dev", "--listen", "127.0.0.1:0", "--data", &folder_name]);
    assert_eq!(second.status.code(), Some(1));
    let why = complained(&second);
    assert!(why.contains("in use by another klatch") && why.contains(&folder_name), "{why}");

    assert_eq!(sandbox.terminate(), Some(0));
    let private = |name: &str| {
        let rights = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(rights & 0o077, 0, "{name} can be read by others");
    };
    private("klatch.db");
    let sandbox = Sandbox::start(Some(folder.path()));
    private("klatch.db-wal");
    let path = format!("/groups/{}?fields=subject", created["id"].as_str().unwrap());
    let (status, info) = sandbox.call(Method::GET, &path, None).await.unwrap();
    assert_eq!((status, info["subject"].as_str()), (200, Some("Kept")));
}

/// What the number answers with is kept with the data, until it is given again.
#[tokio::test]
async fn a_sandbox_answers_with_what_it_was_started_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    for (args, answers) in [
        (vec![], "published"),
        (vec!["--answers", "superset"], "superset"),
        (vec![], "superset"),
        (vec!["--answers", "published"], "published"),
    ] {
        let sandbox = Sandbox::start_with(&[&["--data", folder][..], &args].concat());
        let body = json!({ "subject": "Hello" });
        let (_, created) = sandbox.call(Method::POST, "/groups", Some(body)).await.unwrap();
        let fields: Vec<_> = created.as_object().unwrap().keys().collect();
        let expected = match answers {
            "published" => vec!["id"],
            _ => vec!["messaging_product", "id", "request_id"],
        };
        assert_eq!(fields, expected, "{args:?}");
        assert_eq!(sandbox.terminate(), Some(0));
    }
    let unknown = run(&["dev", "--listen", "127.0.0.1:0", "--answers", "all"]);
    assert_eq!(unknown.status.code(), Some(2));
    let why = complained(&unknown);
    assert!(why.contains("--answers") && why.contains("published, superset"), "{why}");
}

/// A key that everybody knows does not get into data that are somebody's own.
#[tokio::test]
async fn a_sandbox_keeps_out_of_the_data_of_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap();
    let account = Account {
        id: AccountId::parse("acc_own").unwrap(),
        name: "Own".to_owned(),
        app: VendorApp { id: "1".to_owned(), secret: Secret::new("own".to_owned()) },
        person_key: PersonKey::new([7; 32]),
        created_at: Timestamp::from_millis(0),
    };
    store.change(&Actor::Operator, RecordChange::AddAccount(account)).await.unwrap();
    drop(store);
    let data = folder.path().display().to_string();
    let output = run(&["dev", "--listen", "127.0.0.1:0", "--data", &data]);
    assert_eq!(output.status.code(), Some(1));
    let why = complained(&output);
    assert!(why.contains("give `klatch dev` a folder of its own"), "{why}");
}

#[test]
fn mistakes_are_explained() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("klatch.toml");
    std::fs::write(&file, "listn = \"127.0.0.1:1\"\n").unwrap();
    let file = file.display().to_string();
    for (args, expected) in [
        (&["serve"][..], "admin_token is missing"),
        (&["serve", "--admin-token", "short"], "admin_token must be at least 16"),
        (&["serve", "--config", "/nowhere.toml"], "cannot read the settings file /nowhere.toml"),
        (&["serve", "--config", &file], "listn"),
        (&["dev", "--listen", "0.0.0.0:0"], "everybody knows the keys of a sandbox; give --public"),
        (&["dev", "--listen", "[::]:0"], "give --public"),
        (&["dev", "--listen", "203.0.113.1:80", "--public"], "cannot listen on 203.0.113.1:80"),
        (
            &["person", "1650555", "show", "--token-file", "/nowhere"],
            "cannot read admin_token_file /nowhere",
        ),
        (
            &["person", "1650555", "show", "--url", "http://127.0.0.1:9"],
            "no server answers at http://127.0.0.1:9 (Connection refused (os error 111)): start one",
        ),
        (&["person", "1650555", "show", "--url", "nonsense"], "nonsense is not an address"),
        (&["key", "add"], "--phone-number-id <PHONE_NUMBER_ID>|--account-id <ACCOUNT_ID>"),
        (&["dev", "--listen", "8080"], "must be an address such as 127.0.0.1:8080"),
        (
            &["serve", "--admin-token", "0123456789abcdef", "--log", "loud"],
            "\"loud\" is not a level",
        ),
        (&["openapi", "wavy"], "possible values: meta, d360, sinch, klatch"),
    ] {
        let output = run(args);
        assert!(!output.status.success(), "{args:?}");
        let why = complained(&output);
        assert!(why.contains(expected), "{args:?}: {why}");
        assert!(!why.contains("panicked"), "{args:?}: {why}");
    }
}

#[tokio::test]
async fn an_answer_that_is_an_error_fails_the_command() {
    let sandbox = Sandbox::start(None);
    let klatch = |args: &[&str]| {
        let output = program(args).env("KLATCH_URL", &sandbox.url).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        complained(&output)
    };
    let nobody = klatch(&["person", "nobody", "show"]);
    assert_eq!(nobody, "klatch: wa_id must be a phone number of 5 to 15 digits\n");
    let secret = klatch(&["key", "revoke", "aH7lloIaci1dUE5NqlvN0Ez5CLbudRYY"]);
    assert!(secret.contains("begins with key_, and not its secret"), "{secret}");
    let wrong = klatch(&["account", "list", "--token", "wrong"]);
    assert_eq!(
        wrong,
        "klatch: the server does not accept the admin token: give the one that it was started \
         with as KLATCH_ADMIN_TOKEN, or with --token\n"
    );
    let path = klatch(&["account", "list", "--url", &format!("{}/elsewhere", sandbox.url)]);
    assert!(path.contains("/elsewhere is not the address of a klatch"), "{path}");
    let handshake = [
        "webhook",
        "add",
        "http://127.0.0.1:9/",
        "--dialect",
        "meta",
        "--verify-token",
        "x",
        "--phone-number-id",
        sandbox::PHONE_NUMBER_ID,
    ];
    let handshake = klatch(&handshake);
    assert!(handshake.starts_with("klatch: The handshake failed: the receiver"), "{handshake}");
    assert!(!handshake.contains("(url)"), "{handshake}");
}

#[test]
fn the_example_settings_start_a_server_once_the_token_is_there() {
    let example = run(&["config", "example"]);
    assert_eq!(printed(&example), klatch::config::EXAMPLE);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("klatch.toml");
    std::fs::write(&file, klatch::config::EXAMPLE).unwrap();
    let output = run(&["serve", "--config", &file.display().to_string()]);
    assert!(complained(&output).contains("admin_token is missing"), "{}", complained(&output));
}

/// What other machines can reach has secrets of its own, which are printed.
#[tokio::test]
async fn a_public_sandbox_makes_its_own_keys() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let dev = ["dev", "--listen", "127.0.0.1:0", "--log", "error", "--data", &data, "--public"];
    let key = async || {
        let (sandbox, text) = Sandbox::start_and_read(&dev, "Create a group");
        let word = |name: &str| {
            let rest = text.split(name).nth(1).unwrap();
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let words = [word("  key "), word("admin token "), word("app secret ")];
        for (word, known) in
            words.iter().zip([sandbox::KEY, sandbox::ADMIN_TOKEN, sandbox::APP_SECRET])
        {
            assert!(word.len() == 32 && word != known, "{text}");
        }
        let list = async |key: &str| {
            let request = sandbox.client.get(format!("{}/groups", sandbox.url));
            request.header("D360-API-KEY", key).send().await.unwrap().status().as_u16()
        };
        assert_eq!((list(sandbox::KEY).await, list(&words[0]).await), (401, 200));
        let accounts = async |token: &str| {
            let request = sandbox.client.get(format!("{}/klatch/v1/accounts", sandbox.url));
            request.bearer_auth(token).send().await.unwrap().status().as_u16()
        };
        assert_eq!((accounts(sandbox::ADMIN_TOKEN).await, accounts(&words[1]).await), (401, 200));
        assert_eq!(sandbox.terminate(), Some(0));
        words
    };
    let (first, second) = (key().await, key().await);
    assert!(first[0] != second[0] && first[1] != second[1], "made anew at each start");
    assert_eq!(first[2], second[2], "the app keeps its secret");

    let output = run(&dev[..7]);
    let why = complained(&output);
    assert!(why.contains("the data belong to a `klatch dev --public`"), "{why}");
    let other = tempfile::tempdir().unwrap();
    assert_eq!(Sandbox::start(Some(other.path())).terminate(), Some(0));
    let other = other.path().display().to_string();
    let output = run(&["dev", "--listen", "127.0.0.1:0", "--public", "--data", &other]);
    let why = complained(&output);
    assert!(why.contains("everybody knows the keys of the data"), "{why}");
}

#[tokio::test]
async fn the_admin_token_is_read_from_a_file() {
    let sandbox = Sandbox::start(None);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, token: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{token}\n")).unwrap();
        path.display().to_string()
    };
    let (right, wrong) = (file("right", sandbox::ADMIN_TOKEN), file("wrong", "wrong"));
    let list = |flag: &[&str], variable: &str| {
        let mut command = program(&["account", "list", "--url", &sandbox.url]);
        command.args(flag).env("KLATCH_ADMIN_TOKEN_FILE", variable).output().unwrap()
    };
    assert!(list(&[], &right).status.success());
    assert!(list(&["--token-file", &right], &wrong).status.success());
    assert!(list(&["--admin-token-file", &right], &wrong).status.success());
    assert!(complained(&list(&[], &wrong)).contains("does not accept the admin token"));
    assert!(list(&["--token", sandbox::ADMIN_TOKEN], &wrong).status.success());
}

/// Fifty wrong admin tokens used to be fifty lines.
#[tokio::test]
async fn wrong_admin_tokens_are_a_line_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let sandbox = Sandbox::start_logging(&log);
    for _ in 0..50 {
        let request = sandbox.client.get(format!("{}/klatch/v1/accounts", sandbox.url));
        request.bearer_auth("wrong").send().await.unwrap();
    }
    assert_eq!(sandbox.terminate(), Some(0));
    let log = std::fs::read_to_string(&log).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<_> = lines
        .map(|line| (line["message"].clone(), line["times"].clone(), line["last_peer"].clone()))
        .collect();
    // The second when the server stopped: nothing is lost.
    let message = "wrong admin tokens were refused";
    let line = |times: u64| (json!(message), json!(times), json!("127.0.0.1"));
    assert_eq!(lines, [line(1), line(49)]);
}

#[test]
fn a_server_without_its_address_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let serve = |extra: &[&str]| {
        let mut command = program(&["serve", "--listen", "203.0.113.1:80", "--data", &data]);
        complained(
            &command.args(extra).env("KLATCH_ADMIN_TOKEN", "0123456789abcdef").output().unwrap(),
        )
    };
    let said = "public_url is not set";
    assert!(serve(&[]).contains(said), "{}", serve(&[]));
    assert!(!serve(&["--public-url", "https://klatch.example"]).contains(said));
    assert!(!serve(&["--trusted-proxies", "127.0.0.1"]).contains(said));
}

#[test]
fn flags_that_take_a_token_warn_of_ps() {
    for command in [&["serve", "--help"][..], &["account", "list", "--help"], &["listen", "--help"]]
    {
        let text = printed(&run(command)).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("Other users of the machine see it in `ps`"), "{command:?}: {text}");
        assert!(text.contains("KLATCH_ADMIN_TOKEN_FILE"), "{command:?}: {text}");
    }
}

#[test]
fn secrets_do_not_show_in_help() {
    let output = program(&["serve", "--help"]).env("KLATCH_ADMIN_TOKEN", "hush-hush").output();
    let output = output.unwrap();
    assert!(printed(&output).contains("KLATCH_ADMIN_TOKEN"));
    assert!(!printed(&output).contains("hush-hush"));
    assert_eq!(sandbox::KEY, "klatch-dev", "documented in the README");
}

#[test]
fn a_header_that_is_written_wrongly_is_not_repeated() {
    let receiver = "https://receiver.example/hook";
    let add = ["webhook", "add", receiver, "--dialect", "d360", "--account-id", "acc_dev"];
    let change = ["webhook", "change", "sub_1"];
    for command in [&add[..], &change[..]] {
        let wrong = [command, &["--header", "Authorization Bearer hush-hush"]].concat();
        let output = run(&wrong);
        assert_eq!(output.status.code(), Some(2));
        let complaint = complained(&output);
        let expected = "error: a value of --header must be written as Name: value";
        assert!(complaint.starts_with(expected), "{complaint}");
        assert!(!complaint.contains("hush-hush"), "{complaint}");
    }
}
