//! What proves that a delivery is ours: headers over the bytes that are sent, made when they are
//! sent.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::values::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::Sha256;
use wire::Dialect;
use wire::spec::Proof;

use crate::directory::{STANDARD_PREFIX, Secret, Secrets};

/// The same for every attempt at a delivery: by this receivers tell duplicates. Standard Webhooks.
pub const ID_HEADER: HeaderName = HeaderName::from_static("webhook-id");
/// When the attempt was made, in unix seconds. Standard Webhooks.
pub const TIMESTAMP_HEADER: HeaderName = HeaderName::from_static("webhook-timestamp");
/// `v1,` and base64, once for each secret. Standard Webhooks.
pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("webhook-signature");
/// `sha256=` and hex. Meta.
pub const HUB_HEADER: HeaderName = HeaderName::from_static("x-hub-signature-256");
/// `sha1=` and hex. Meta sends it besides, for receivers from before [`HUB_HEADER`].
pub const HUB_SHA1_HEADER: HeaderName = HeaderName::from_static("x-hub-signature");
/// Base64 over the body, a dot and the nonce. Sinch.
pub const SINCH_HEADER: HeaderName = HeaderName::from_static("sinch-whatsapp-callback-signature");
const SINCH_ALGORITHM: HeaderName =
    HeaderName::from_static("sinch-whatsapp-callback-signature-algorithm");
const SINCH_NONCE: HeaderName = HeaderName::from_static("sinch-whatsapp-callback-signature-nonce");

/// What is signed, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Signing<'a> {
    /// Whose own signature there is.
    pub dialect: Dialect,
    /// Whether that one is wanted.
    pub vendor_signature: bool,
    /// The secrets.
    pub secrets: &'a Secrets,
    /// The delivery's id.
    pub id: &'a str,
    /// Now.
    pub at: Timestamp,
    /// The bytes as they are sent.
    pub body: &'a [u8],
}

/// The headers that prove the delivery.
#[must_use]
pub fn headers(signing: Signing<'_>) -> HeaderMap {
    let Signing { dialect, vendor_signature, secrets, id, at, body } = signing;
    let timestamp = at.as_secs().to_string();
    let signatures: Vec<String> = secrets
        .at(at)
        .map(|secret| {
            let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
            format!("v1,{}", BASE64.encode(mac(&standard_key(secret), &parts)))
        })
        .collect();
    let mut headers = HeaderMap::with_capacity(8);
    let mut add = |name: HeaderName, value: &str| {
        // All of them are digits, letters and a few signs.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    add(ID_HEADER, id);
    add(TIMESTAMP_HEADER, &timestamp);
    add(SIGNATURE_HEADER, &signatures.join(" "));
    // The vendors' headers have room for one signature: while secrets change it is the one that
    // receivers have known for longer.
    let Some(secret) = secrets.at(at).next().filter(|_| vendor_signature) else { return headers };
    let key = secret.reveal().as_bytes();
    for proof in dialect.webhooks.proofs {
        match proof {
            Proof::HubSha256 => {
                add(HUB_HEADER, &format!("sha256={}", crate::hex(&mac(key, &[body]))));
            }
            Proof::HubSha1 => {
                add(HUB_SHA1_HEADER, &format!("sha1={}", crate::hex(&mac_sha1(key, body))));
            }
            Proof::SinchNonce => {
                let nonce = format!("{id}-{timestamp}");
                let signature = BASE64.encode(mac(key, &[body, b".", nonce.as_bytes()]));
                add(SINCH_HEADER, &signature);
                add(SINCH_ALGORITHM, "HMAC_SHA_256");
                add(SINCH_NONCE, &nonce);
            }
        }
    }
    headers
}

/// What a receiver should do with a delivery, in Rust: whether the signature is right for the
/// secret. Constant in time.
#[must_use]
pub fn is_right(headers: &HeaderMap, secret: &Secret, body: &[u8]) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (Some(id), Some(timestamp)) = (text(ID_HEADER), text(TIMESTAMP_HEADER)) else {
        return false;
    };
    let signatures = text(SIGNATURE_HEADER).unwrap_or_default().split(' ');
    let mut given = signatures.filter_map(|one| BASE64.decode(one.strip_prefix("v1,")?).ok());
    given.any(|signature| {
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        started(&standard_key(secret), &parts).verify_slice(&signature).is_ok()
    })
}

/// The key that a secret stands for in Standard Webhooks: decoded where it says so, else its bytes.
fn standard_key(secret: &Secret) -> Vec<u8> {
    let text = secret.reveal();
    let decoded = text.strip_prefix(STANDARD_PREFIX).and_then(|rest| BASE64.decode(rest).ok());
    decoded.unwrap_or_else(|| text.as_bytes().to_vec())
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    started(key, parts).finalize().into_bytes().into()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac_sha1(key: &[u8], body: &[u8]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("any length will do");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn started(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    for part in parts {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_614_265_330_000);

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn the_published_example_of_standard_webhooks() {
        let secrets =
            Secrets { current: secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), old: None };
        let body = br#"{"test": 2432232314}"#;
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signing = Signing {
            dialect: Dialect::D360,
            vendor_signature: false,
            secrets: &secrets,
            id,
            at: AT,
            body,
        };
        let headers = headers(signing);
        assert_eq!(
            headers.get(SIGNATURE_HEADER).unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(headers.len(), 3);
        assert!(is_right(&headers, &secrets.current, body));
        assert!(!is_right(&headers, &secrets.current, b"{}"));
        assert!(!is_right(&headers, &secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"), body));
    }

    #[test]
    fn while_secrets_change_both_sign_and_the_old_one_keeps_the_single_place() {
        let until = Timestamp::from_millis(AT.as_millis() + 1);
        let secrets = Secrets { current: secret("new"), old: Some((secret("old"), until)) };
        let body = b"{}";
        let of = |dialect, at, secrets: &Secrets| {
            headers(Signing { dialect, vendor_signature: true, secrets, id: "msg_1", at, body })
        };
        let during = of(Dialect::META, AT, &secrets);
        assert!(is_right(&during, &secret("new"), body) && is_right(&during, &secret("old"), body));
        let alone = of(Dialect::META, AT, &Secrets { current: secret("old"), old: None });
        assert_eq!(during.get(HUB_HEADER), alone.get(HUB_HEADER));
        assert_eq!(during.get(HUB_SHA1_HEADER), alone.get(HUB_SHA1_HEADER));
        let after = of(Dialect::META, until, &secrets);
        assert!(!is_right(&after, &secret("old"), body));
        assert_ne!(after.get(HUB_HEADER), alone.get(HUB_HEADER));
        assert_eq!(of(Dialect::SINCH, AT, &secrets).len(), 6);
    }

    /// RFC 2202, the second case; RFC 4231, the second case.
    #[test]
    fn meta_signs_with_both_hashes() {
        let secrets = Secrets { current: secret("Jefe"), old: None };
        let body = b"what do ya want for nothing?";
        let of = |dialect| {
            headers(Signing {
                dialect,
                vendor_signature: true,
                secrets: &secrets,
                id: "msg_1",
                at: AT,
                body,
            })
        };
        let (meta, d360) = (of(Dialect::META), of(Dialect::D360));
        let sha256 = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(meta.get(HUB_HEADER).unwrap(), sha256);
        assert_eq!(
            meta.get(HUB_SHA1_HEADER).unwrap(),
            "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(d360.get(HUB_HEADER).unwrap(), sha256);
        assert_eq!(d360.get(HUB_SHA1_HEADER), None, "360dialog publishes none");
    }
}
