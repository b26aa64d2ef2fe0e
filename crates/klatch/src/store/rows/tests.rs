//! What stands in databases already, to the letter: it is read, and written as it was.

use super::*;

const EVENTS: [&str; 23] = [
    r#"{"kind":"created","id":"group","serial":123456789012345678,"number":"1001","business":"15550001111","alias_second":1700000000,"subject":"Tea","description":"Green","mode":"auto_approve","invite":"Abc123"}"#,
    r#"{"kind":"created","id":"group","serial":123456789012345678,"number":"1001","business":"15550001111","alias_second":1700000000,"subject":"Tea","mode":"approval_required","invite":"Abc123"}"#,
    r#"{"kind":"settings_changed","subject":"Tea","description":"","picture":{"sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","mime_type":"image/jpeg"}}"#,
    r#"{"kind":"settings_changed"}"#,
    r#"{"kind":"picture_failed","problem":"must be square"}"#,
    r#"{"kind":"invite_reset","code":"Abc123"}"#,
    r#"{"kind":"invite_reset","code":"Abc123","first":true}"#,
    r#"{"kind":"invite_deleted"}"#,
    r#"{"kind":"participant_joined","person":{"user_id":"US.abc"}}"#,
    r#"{"kind":"participant_joined","person":{"user_id":"US.abc","wa_id":"15550002222","parent_user_id":"US.ENT.def","username":"ann","hides_phone":true,"terms_missing":true}}"#,
    r#"{"kind":"join_requested","request":"r1","person":{"user_id":"US.abc"}}"#,
    r#"{"kind":"join_request_cancelled","request":"r1","person":{"user_id":"US.abc"}}"#,
    r#"{"kind":"join_requests_approved","approved":[{"request":"r1","person":{"user_id":"US.abc"}}]}"#,
    r#"{"kind":"join_requests_rejected","rejected":[{"request":"r1","person":{"user_id":"US.abc"}}]}"#,
    r#"{"kind":"participants_added","added":[{"input":"+1 555","person":{"user_id":"US.abc"}}]}"#,
    r#"{"kind":"participants_removed","removed":[],"failed":[{"input":"+1 555","refusal":"not_participant"}]}"#,
    r#"{"kind":"participant_left","person":{"user_id":"US.abc"}}"#,
    r#"{"kind":"admins_promoted","people":[{"user_id":"US.abc"}]}"#,
    r#"{"kind":"admins_demoted","people":[{"user_id":"US.abc"}]}"#,
    r#"{"kind":"suspended"}"#,
    r#"{"kind":"restored"}"#,
    r#"{"kind":"deleted"}"#,
    r#"{"kind":"business_left"}"#,
];

const REFUSALS: [&str; 19] = [
    r#""group_unknown""#,
    r#""group_suspended""#,
    r#"{"group_full":{"limit":8}}"#,
    r#"{"group_limit_reached":{"limit":9}}"#,
    r#""number_not_eligible""#,
    r#""number_not_registered""#,
    r#""creation_disabled""#,
    r#"{"too_many_operations":{"limit":100,"retry_after_secs":60}}"#,
    r#""invite_link_dead""#,
    r#""removed_by_business""#,
    r#""already_participant""#,
    r#""not_participant""#,
    r#""terms_not_accepted""#,
    r#""join_request_unknown""#,
    r#"{"too_many_join_requests":{"limit":1000}}"#,
    r#"{"duplicate_entry":{"list":"people","input":"+1 555","first":0,"second":1}}"#,
    r#"{"duplicate_entry":{"list":"join_requests","input":"r1","first":0,"second":1}}"#,
    r#""business_named""#,
    r#""nothing_to_change""#,
];

const STATES: [&str; 2] = [
    r#"{"serial":123456789012345678,"business":"15550001111","mode":"auto_approve"}"#,
    r#"{"serial":123456789012345678,"business":"15550001111","description":"Green","mode":"approval_required","picture":{"sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","mime_type":"image/jpeg"},"participants":[{"person":{"user_id":"US.abc"},"joined_at":1700000000000},{"person":{"user_id":"US.def"},"admin":true,"joined_at":1700000000000}],"requests":[{"id":"r1","person":{"user_id":"US.ghi"},"created_at":1700000000000,"opened_in":3}],"removed":[{"user_id":"US.jkl"}]}"#,
];

#[test]
fn stored_events_are_read_and_written_as_they_were() {
    for stored in EVENTS {
        assert_eq!(write_event(&read_event(stored).unwrap()), stored);
    }
}

#[test]
fn stored_events_of_subscriptions_are_read_and_written_as_they_were() {
    for stored in [
        r#"{"kind":"subscription_added"}"#,
        r#"{"kind":"subscription_changed"}"#,
        r#"{"kind":"subscription_secret_rotated"}"#,
        r#"{"kind":"subscription_paused"}"#,
        r#"{"kind":"subscription_resumed"}"#,
        r#"{"kind":"subscription_switched_off","reason":"410"}"#,
        r#"{"kind":"subscription_removed"}"#,
    ] {
        let event = subscription::read_subscription_event(stored).unwrap();
        assert_eq!(subscription::write_subscription_event(&event), stored);
    }
}

#[test]
fn stored_refusals_are_read_and_written_as_they_were() {
    for stored in REFUSALS {
        let stored = format!(r#"[{{"input":"+1 555","refusal":{stored}}}]"#);
        assert_eq!(write_failed(&read_failed(&stored).unwrap()), stored);
    }
}

#[test]
fn stored_states_are_read_and_written_as_they_were() {
    let id = GroupId::parse("group").unwrap();
    for (status, stored) in ["active", "left"].into_iter().zip(STATES) {
        let columns = GroupColumns {
            id: &id,
            number: "1001",
            alias_second: 1_700_000_000,
            version: 4,
            status,
            subject: "Tea",
            created_at: 1_700_000_000_000,
            invite_code: Some("Abc123"),
        };
        assert_eq!(write_state(&read_state(&columns, stored).unwrap()), stored);
    }
}

#[test]
fn a_damaged_row_says_what_is_wrong_and_repeats_no_value_of_a_wrong_type() {
    let failed = |stored: &str| read_failed(stored).unwrap_err();
    assert_eq!(
        failed(r#"[{"input":"a","refusal":"zebra"}]"#).split_once(", expected").unwrap().0,
        "unknown variant"
    );
    assert!(failed(r#"[{"input":"a"}]"#).starts_with("missing field `refusal`"));
    let event = |stored: &str| read_event(stored).unwrap_err();
    assert_eq!(
        event(r#"{"kind":"join_requested","request":"a b","person":{"user_id":"US.abc"}}"#),
        format!("\"a b\" {}", JoinRequestId::parse("a b").unwrap_err())
    );
}
