use std::os::unix::fs::PermissionsExt as _;

use jsonwebtoken::Algorithm as A;
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://login.example.gov.uk/tenant";
const BASE: &str = "https://mandate.example.gov.uk";

fn wrong(change: impl FnOnce(&mut SignInSettings), base_url: &str) -> String {
    let mut settings = SignInSettings::new(ISSUER, "mandate");
    change(&mut settings);
    SignIn::new(settings, base_url).map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn a_setting_that_cannot_be_is_named() {
    assert_eq!(wrong(|_| (), BASE), "");
    assert_eq!(wrong(|own| own.issuer = "http://127.0.0.1:9000".to_owned(), "http://localhost:8080"), "");
    assert!(wrong(|own| own.issuer = "http://login.example.gov.uk".to_owned(), BASE).contains("https"));
    assert!(wrong(|_| (), "http://mandate.example.gov.uk").contains("base_url"));
    assert!(wrong(|own| own.client_id.clear(), BASE).contains("client_id"));
    assert!(wrong(|own| own.idle_minutes = 0, BASE).contains("at least 1"));
    let person = |own: &mut SignInSettings| drop(own.people.insert("a".to_owned(), "area/A1".to_owned()));
    assert!(wrong(person, BASE).contains("the id of a user"));
    let machine = MachineSettings { id: "feed".to_owned(), sources: Vec::new(), types: None };
    assert!(wrong(|own| own.clients.push(machine), BASE).contains("at least one"));
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "s3cret\n").unwrap();
    let told = |mode: u32| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        wrong(|own| own.client_secret_file = Some(path.clone()), BASE)
    };
    assert!(told(0o644).contains("chmod 600") && !told(0o644).contains("s3cret"));
    assert_eq!(told(0o600), "");
}

#[test]
fn a_claim_names_a_user_by_an_opaque_id_and_nothing_else() {
    for (text, user) in [
        ("U-7F3K29QX", Some("user/U-7F3K29QX")),
        ("user/U-1", Some("user/U-1")),
        ("area/A07", None),
        ("", None),
        ("user/", None),
        ("user/U-1/x", None),
        ("una@example.gov.uk", None),
        ("Una Idowu", None),
    ] {
        assert_eq!(user_id(text).as_deref(), user, "{text}");
    }
}

#[test]
fn a_key_verifies_by_the_algorithms_of_its_kind_and_never_by_a_shared_secret() {
    let rsa = |more: Value| {
        let mut key = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    };
    let ec = |curve: &str| json!({"kty": "EC", "crv": curve, "x": "AQAB", "y": "AQAB"});
    for (key, wanted) in [
        (rsa(json!({})), vec![A::RS256, A::PS256]),
        (rsa(json!({"alg": "RS256", "use": "sig"})), vec![A::RS256]),
        (rsa(json!({"alg": "HS256"})), vec![]),
        (rsa(json!({"alg": "RS512"})), vec![]),
        (rsa(json!({"use": "enc"})), vec![]),
        (ec("P-256"), vec![A::ES256]),
        (ec("P-384"), vec![A::ES384]),
        (json!({"kty": "OKP", "crv": "Ed25519", "x": "AQAB"}), vec![A::EdDSA]),
        (json!({"kty": "oct", "k": "AQAB", "alg": "HS256"}), vec![]),
    ] {
        let read: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.clone()).unwrap();
        assert_eq!(algorithms::of_key(&read), wanted, "{key}");
    }
}
