//! Pictures, uploaded as forms to `/groups/{group_id}`.

use axum::http::{Method, header};
use domain::limits::PICTURE_BYTES_MAX;
use insta::assert_snapshot;
use klatch::kit::body::FORM_BYTES_MAX;

use super::{Refusals, everything, refusal, request, send_form};
use crate::support::{Answer, TestApp, form, jpeg};

/// What the operator sees of a group's picture.
async fn picture(app: &TestApp, group: &str) -> Answer {
    app.admin(Method::GET, &format!("/groups/{group}/picture"), None).await
}

#[track_caller]
fn assert_is(answer: &Answer, bytes: &[u8]) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers[header::CONTENT_TYPE], "image/jpeg");
    assert!(answer.bytes == bytes, "{} bytes came back of {}", answer.bytes.len(), bytes.len());
}

#[tokio::test]
async fn a_picture_is_kept_as_it_was_uploaded() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    assert_eq!(picture(&app, &group).await.status, 404);

    let first = jpeg(640, 640);
    let answer = send_form(&app, &group, &[("file", Some("us.jpg"), &first)]).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    assert_is(&picture(&app, &group).await, &first);

    // The other part name, no file name, other settings beside it; and the new one replaces.
    let second = jpeg(192, 192);
    let parts: [(&str, Option<&str>, &[u8]); 3] = [
        ("messaging_product", None, b"whatsapp"),
        ("profile_picture_file", None, &second),
        ("subject", None, b"With a face"),
    ];
    send_form(&app, &group, &parts).await.ok();
    assert_is(&picture(&app, &group).await, &second);
    assert_eq!(everything(&app, &group).await.ok()["subject"], "With a face");

    app.assert_log_folds(&group).await;
    app.d360(Method::DELETE, &format!("/groups/{group}"), None).await.ok();
    assert_eq!(picture(&app, &group).await.status, 404);
}

#[tokio::test]
async fn other_settings_leave_the_picture_alone() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let bytes = jpeg(192, 192);
    send_form(&app, &group, &[("file", Some("us.jpg"), &bytes)]).await.ok();
    send_form(&app, &group, &[("subject", None, b"New")]).await.ok();
    assert_is(&picture(&app, &group).await, &bytes);
}

#[tokio::test]
async fn five_megabytes_fit_and_not_a_byte_more() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let mut bytes = jpeg(192, 192);
    bytes.resize(PICTURE_BYTES_MAX, 0);
    send_form(&app, &group, &[("file", Some("us.jpg"), &bytes)]).await.ok();
    assert_is(&picture(&app, &group).await, &bytes);

    let kept = bytes.clone();
    bytes.push(0);
    let answer = send_form(&app, &group, &[("file", Some("us.jpg"), &bytes)]).await;
    assert_eq!(
        refusal(&answer),
        "400 (#100) Invalid parameter: file must not be larger than 5 MB (5242880 bytes; it has \
         5242881)"
    );
    // Far more than that is not even read to its end.
    bytes.resize(FORM_BYTES_MAX, 0);
    let answer = send_form(&app, &group, &[("file", Some("us.jpg"), &bytes)]).await;
    assert_eq!(refusal(&answer), "413 The request body is longer than 5308416 bytes");
    assert_is(&picture(&app, &group).await, &kept);
}

#[tokio::test]
async fn what_is_no_fit_picture_is_refused_by_the_name_of_its_part() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let whole = jpeg(640, 640);
    let mut refusals = Refusals::default();
    for (what, part, bytes) in [
        ("png named jpg", "file", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
        ("gif", "profile_picture_file", b"GIF89a".to_vec()),
        ("text", "file", b"@/local/path/file.jpg".to_vec()),
        ("empty", "file", Vec::new()),
        ("empty by its other name", "profile_picture_file", Vec::new()),
        ("191 x 191", "file", jpeg(191, 191)),
        ("192 x 193", "file", jpeg(192, 193)),
        ("193 x 192", "profile_picture_file", jpeg(193, 192)),
        ("0 x 0", "file", jpeg(0, 0)),
        ("1 x 191", "file", jpeg(1, 191)),
        ("cut off", "file", whole[..whole.len() - 2].to_vec()),
        ("only the head", "file", whole[..3].to_vec()),
    ] {
        let answer = send_form(&app, &group, &[(part, Some("us.jpg"), &bytes)]).await;
        refusals.add(what, &answer);
        // Not even the good setting beside it is taken.
        let parts = [(part, Some("us.jpg"), &bytes[..]), ("subject", None, b"New")];
        assert_eq!(send_form(&app, &group, &parts).await.bytes, answer.bytes, "{what}");
    }
    assert_snapshot!(refusals.shown(), @"
    png named jpg: 400 (#100) Invalid parameter: file must be a JPEG image (image/jpeg)
    gif: 400 (#100) Invalid parameter: profile_picture_file must be a JPEG image (image/jpeg)
    text: 400 (#100) Invalid parameter: file must be a JPEG image (image/jpeg)
    empty: 400 (#100) Invalid parameter: file must not be empty
    empty by its other name: 400 (#100) Invalid parameter: profile_picture_file must not be empty
    191 x 191: 400 (#131210) Image is Too Small to Process: file must be at least 192 x 192 pixels; this one is 191 x 191
    192 x 193: 400 (#131209) Invalid Group Profile Picture Aspect Ratio: file must be square; this one is 192 x 193 pixels
    193 x 192: 400 (#131209) Invalid Group Profile Picture Aspect Ratio: profile_picture_file must be square; this one is 193 x 192 pixels
    0 x 0: 400 (#100) Invalid parameter: file must be a complete JPEG image; this one is cut off or damaged
    1 x 191: 400 (#131209) Invalid Group Profile Picture Aspect Ratio: file must be square; this one is 1 x 191 pixels
    cut off: 400 (#100) Invalid parameter: file must be a complete JPEG image; this one is cut off or damaged
    only the head: 400 (#100) Invalid parameter: file must be a complete JPEG image; this one is cut off or damaged
    ");
    assert_eq!(everything(&app, &group).await.ok()["subject"], "Hello");
    assert_eq!(picture(&app, &group).await.status, 404);
}

#[tokio::test]
async fn a_form_must_say_something_sound() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let fit = jpeg(192, 192);
    let mut refusals = Refusals::default();
    for (what, parts) in [
        ("no part", vec![]),
        ("the product alone", vec![("messaging_product", None, &b"whatsapp"[..])]),
        ("an unknown part", vec![("picture", Some("us.jpg"), &fit[..])]),
        ("a part without a name", vec![("", Some("us.jpg"), &fit[..])]),
        ("a bad product", vec![("messaging_product", None, &b"sms"[..]), ("file", None, &fit[..])]),
        ("an empty subject", vec![("subject", None, &b""[..]), ("file", None, &fit[..])]),
        ("a subject in Latin-1", vec![("subject", None, &b"Gr\xF6\xDFe"[..])]),
        ("a control", vec![("description", None, &b"\0"[..])]),
    ] {
        refusals.add(what, &send_form(&app, &group, &parts).await);
    }
    assert_snapshot!(refusals.shown(), @"
    no part: 400 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    the product alone: 400 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    an unknown part: 400 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    a part without a name: 400 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    a bad product: 400 (#100) Invalid parameter: messaging_product must be whatsapp
    an empty subject: 400 (#100) Invalid parameter: subject must not be empty
    a subject in Latin-1: 400 (#100) Invalid parameter: subject must be text in UTF-8
    a control: 400 (#100) Invalid parameter: description must not contain the control character U+0000
    ");
    assert_eq!(everything(&app, &group).await.ok()["subject"], "Hello");
    assert_eq!(picture(&app, &group).await.status, 404);
}

#[tokio::test]
async fn a_broken_form_is_refused() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let (kind, whole) = form(&[("subject", None, b"New"), ("file", None, &jpeg(192, 192))]);
    let head = b"--+++\r\nContent-Disposition: form-data\r\n";
    let mut refusals = Refusals::default();
    for (what, kind, bytes) in [
        ("no boundary", "multipart/form-data", &whole[..]),
        ("empty boundary", "multipart/form-data; boundary=", &whole[..]),
        ("another boundary", "multipart/form-data; boundary=---", &whole[..]),
        ("cut off in a part", &kind, &whole[..whole.len() - 20]),
        ("cut off in a head", &kind, &head[..]),
        ("nothing", &kind, b""),
        ("json", &kind, br#"{"subject":"New"}"#),
    ] {
        let request = request(Method::POST, &format!("/groups/{group}"));
        let request = request.header(header::CONTENT_TYPE, kind);
        refusals.add(what, &app.send(request.body(bytes.to_vec().into()).unwrap()).await);
    }
    assert_snapshot!(refusals.shown(), @r#"
    no boundary: 400 (#100) Invalid parameter: Invalid multipart request body: multipart boundary not found in Content-Type
    empty boundary: 400 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    another boundary: 400 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    cut off in a part: 400 (#100) Invalid parameter: Invalid multipart request body: field "file" received with incomplete data
    cut off in a head: 400 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    nothing: 400 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    json: 400 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    "#);
    assert_eq!(everything(&app, &group).await.ok()["subject"], "Hello");
}
