//! Keys and signed checkpoints.

use base64ct::{Base64, Encoding};
use ed25519_dalek::Signer;
use mandate_verify::leaf::sha256;
use mandate_verify::note::{
    Checkpoint, MAX_SIGNATURES, NoteError, SigningKey, VerifyingKey, parse_hash, parse_size,
};
use proptest::prelude::*;

const NAME: &str = "mandate.example/log";

/// All three computed by a program in Python with an Ed25519 written after RFC 8032, from a seed of 32 times 0x07.
const PUBLIC: &str = "mandate.example/log+41a32af4+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const PRIVATE: &str = "PRIVATE+KEY+mandate.example/log+41a32af4+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";
const NOTE: &str = "mandate.example/log\n3\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n\
    — mandate.example/log QaMq9Hr6OJHqDqMwQ1tY40ByxX8lrXFw5mkLrCUq3JRNBBPCinDZ+JGS838l7VEwr/iWk5aiAnCbR2YX0zplv43QgwQ=\n";

fn key() -> SigningKey {
    SigningKey::from_seed(NAME, &[7; 32]).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint::new(NAME, 3, std::array::from_fn(|n| u8::try_from(n).unwrap()))
}

#[test]
fn keys_and_notes_agree_with_those_of_another_program() {
    assert_eq!(key().verifying_key().to_string(), PUBLIC);
    assert_eq!(*key().to_text(), PRIVATE);
    assert_eq!(key().sign(&checkpoint()).unwrap(), NOTE);
    let public: VerifyingKey = PUBLIC.parse().unwrap();
    assert_eq!(public, *key().verifying_key());
    assert_eq!(public.open(NOTE).unwrap(), checkpoint());
    assert_eq!(SigningKey::parse(PRIVATE).unwrap().sign(&checkpoint()).unwrap(), NOTE);
}

#[test]
fn extension_lines_are_kept() {
    let mut extended = checkpoint();
    extended.extensions = vec!["one".to_owned(), "two + 2".to_owned()];
    let note = key().sign(&extended).unwrap();
    assert_eq!(key().verifying_key().open(&note).unwrap(), extended);
    for bad in ["", "a\nb", "a\u{7}"] {
        extended.extensions = vec![bad.to_owned()];
        assert_eq!(key().sign(&extended), Err(NoteError::Text { line: "extension" }), "{bad:?}");
    }
}

#[test]
fn signatures_by_others_are_ignored_and_named_when_they_are_alone() {
    let other = SigningKey::from_seed(NAME, &[8; 32]).unwrap();
    let theirs = other.sign(&checkpoint()).unwrap();
    let line = theirs.lines().last().unwrap();
    let public = key();
    let public = public.verifying_key();
    assert_eq!(public.open(&format!("{NOTE}{line}\n")).unwrap(), checkpoint());
    let signed_by = format!("{NAME}+{}", other.verifying_key().key_hash());
    assert_eq!(public.open(&theirs), Err(NoteError::OtherKey { signed_by }));
    // Same hash under another name, same name under another hash: both are other keys.
    let renamed = NOTE.replace("— mandate.example/log", "— mandate.example/lag");
    assert!(matches!(public.open(&renamed), Err(NoteError::OtherKey { .. })));
    // As many as are allowed, and one more.
    let many = |count| format!("{NOTE}{}", format!("{line}\n").repeat(count));
    assert_eq!(public.open(&many(MAX_SIGNATURES - 1)).unwrap(), checkpoint());
    assert_eq!(public.open(&many(MAX_SIGNATURES)), Err(NoteError::Form));
}

#[test]
fn a_note_with_any_byte_changed_is_refused() {
    let public = key();
    let public = public.verifying_key();
    for place in 0..NOTE.len() {
        for bit in 0..8 {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[place] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(public.open(&text).is_err(), "{place} {bit}");
            }
        }
    }
    for end in (0..NOTE.len()).filter(|end| NOTE.is_char_boundary(*end)) {
        assert!(public.open(&NOTE[..end]).is_err(), "{end}");
    }
}

#[test]
fn a_bad_signature_of_the_key_beside_a_good_one_is_refused() {
    let others = key().sign(&Checkpoint { size: 4, ..checkpoint() }).unwrap();
    let note = format!("{NOTE}{}\n", others.lines().last().unwrap());
    assert_eq!(key().verifying_key().open(&note), Err(NoteError::Signature));
}

#[test]
fn a_key_signs_for_its_own_log_only() {
    let other = Checkpoint { origin: "other".to_owned(), ..checkpoint() };
    let refusal = NoteError::OtherOrigin { origin: "other".to_owned(), name: NAME.to_owned() };
    assert_eq!(key().sign(&other), Err(refusal));
}

#[test]
fn a_checkpoint_of_another_log_is_refused_though_the_key_signed_it() {
    let text = NOTE.split_once("\n\n").unwrap().0.replace(NAME, "other") + "\n";
    let refusal = NoteError::OtherOrigin { origin: "other".to_owned(), name: NAME.to_owned() };
    assert_eq!(key().verifying_key().open(&signed_by_hand(&text)), Err(refusal));
    // The control: signed in the same way, the right text is taken.
    let text = NOTE.split_once("\n\n").unwrap().0.to_owned() + "\n";
    assert_eq!(signed_by_hand(&text), NOTE);
}

/// A note with any text, signed by the key.
fn signed_by_hand(text: &str) -> String {
    let signature = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).sign(text.as_bytes());
    let bytes = [&[0x41, 0xa3, 0x2a, 0xf4], &signature.to_bytes()[..]].concat();
    format!("{text}\n— {NAME} {}\n", Base64::encode_string(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn sizes_and_hashes_have_one_form() {
    assert_eq!(parse_size("0"), Some(0));
    assert_eq!(parse_size("9223372036854775807"), Some(i64::MAX.cast_unsigned()));
    for bad in [
        "",
        "00",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1_0",
        "9223372036854775808",
        "99999999999999999999",
        "\u{661}",
    ] {
        assert_eq!(parse_size(bad), None, "{bad:?}");
    }
    let good = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert_eq!(parse_hash(good), Some(checkpoint().root));
    // Bits that are not used, no padding, too much of it, spaces, the other alphabet, another length.
    for bad in [
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8==",
        " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "-AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
        "",
    ] {
        assert_eq!(parse_hash(bad), None, "{bad:?}");
    }
}

#[test]
fn checkpoints_of_another_form_are_refused() {
    let root = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert!(Checkpoint::parse(&format!("o\n3\n{root}\n")).is_ok());
    for (bad, line) in [
        (String::new(), "last"),
        (format!("o\n3\n{root}"), "last"),
        (format!("\n3\n{root}\n"), "origin"),
        (format!("o\n03\n{root}\n"), "size"),
        ("o\n".to_owned(), "size"),
        ("o\n3\n".to_owned(), "root"),
        ("o\n3\nAAAA\n".to_owned(), "root"),
        (format!("o\n3\n{root}\n\n"), "extension"),
        (format!("o\n3\n{root}\r\n"), "root"),
        (format!("o\r\n3\n{root}\n"), "extension"),
    ] {
        assert_eq!(Checkpoint::parse(&bad), Err(NoteError::Text { line }), "{bad:?}");
    }
}

#[test]
fn keys_of_another_form_are_refused_and_a_private_one_is_never_shown() {
    for name in ["", "a b", "a+b", "a\nb", "a\u{2003}b", "a\u{0}", &"n".repeat(256)] {
        assert_eq!(SigningKey::from_seed(name, &[7; 32]).unwrap_err(), NoteError::Name, "{name:?}");
    }
    assert!(SigningKey::from_seed(&"n".repeat(255), &[7; 32]).is_ok());
    let wrong_hash = PUBLIC.replace("41a32af4", "41a32af5");
    let name = NAME.to_owned();
    assert_eq!(VerifyingKey::parse(&wrong_hash), Err(NoteError::KeyHash { name: name.clone() }));
    let wrong_hash = PRIVATE.replace("41a32af4", "41a32af5");
    assert_eq!(SigningKey::parse(&wrong_hash).unwrap_err(), NoteError::KeyHash { name });
    let upper = PUBLIC.replace("41a32af4", "41A32AF4");
    // The neutral point, under which anybody could sign, with the hash that belongs to it.
    let mut neutral = [0; 33];
    neutral[..2].fill(1);
    let digest = sha256(&[NAME.as_bytes(), b"\n", &neutral].concat());
    let small_order = format!("{NAME}+{}+AQEA{}", hex(&digest[..4]), "A".repeat(40));
    assert_eq!(VerifyingKey::parse(&small_order), Err(NoteError::PublicKey));
    for bad in ["", "+", "a+b", "a++", &PUBLIC[1..], &PUBLIC[..70], &upper, PRIVATE, &small_order] {
        assert!(VerifyingKey::parse(bad).is_err(), "{bad}");
    }
    for bad in ["", PUBLIC, &PRIVATE[..60], &PRIVATE.replace("+AQ", "+Ag")] {
        let error = SigningKey::parse(bad).unwrap_err();
        assert!(!error.to_string().contains("BwcH"), "{error}");
    }
    assert!(!format!("{:?}", key()).contains("[7, 7"), "{:?}", key());
}

proptest! {
    #[test]
    fn hostile_texts_are_refused_without_harm(text in "\\PC{0,40}|[—+\n a-z0-9=/]{0,80}") {
        let public = key();
        prop_assert!(public.verifying_key().open(&text).is_err());
        prop_assert!(VerifyingKey::parse(&text).is_err());
        prop_assert!(SigningKey::parse(&text).is_err());
        let _ = Checkpoint::parse(&text);
    }

    #[test]
    fn what_is_signed_is_read_back(size in 0..=i64::MAX, root in any::<[u8; 32]>(), seed in any::<[u8; 32]>()) {
        let key = SigningKey::from_seed("log", &seed).unwrap();
        let checkpoint = Checkpoint::new("log", size.cast_unsigned(), root);
        let note = key.sign(&checkpoint).unwrap();
        prop_assert_eq!(VerifyingKey::parse(&key.verifying_key().to_string()).unwrap().open(&note), Ok(checkpoint));
        let again = SigningKey::parse(&key.to_text()).unwrap();
        prop_assert_eq!(again.to_text(), key.to_text());
    }
}
