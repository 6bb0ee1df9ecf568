//! Policies: proposed by one, adopted by another, and only what the loader takes.

use serde_json::{Value as Json, json};

use super::World;
use crate::catalogue::Field;
use crate::policy::{PolicyFiles, concatenated, shipped_draft, shipped_files};

const FRAMEWORK: &str = "policy/framework";

fn world() -> World {
    let mut world = World::new();
    let person = json!({"org": "region/R1", "role": "other", "service": "probation"});
    world.tell("user/second-administrator", "user.registered", person);
    let vetted = json!({"level": 3, "expires_on": "2028-01-01"});
    world.tell("user/second-administrator", "vetting.cleared", vetted);
    world.tell("user/second-administrator", "token.granted", json!({"token": "admin"}));
    world
}

fn proposal(version: &str, files: &PolicyFiles) -> Json {
    json!({"version": version, "effective_from": "2026-04-01", "text": concatenated(files)})
}

fn digest(world: &World) -> String {
    let proposed = world.streams[FRAMEWORK].facts().next_back().unwrap();
    proposed.text(Field::Sha256).unwrap().to_owned()
}

#[test]
fn a_policy_is_adopted_by_another_than_who_proposed_it_word_for_word() {
    let mut world = world();
    let files = shipped_files().with(shipped_draft("five-working-days").unwrap());
    let (who, other) = ("administrator", "second-administrator");
    world.refuses("cpc", "propose-policy", FRAMEWORK, proposal("2", &files), "7", "an administrator");
    let backtest = "e".repeat(64);
    let adopt = |sha256: &str| json!({"version": "2", "sha256": sha256, "backtest": backtest});
    world.does(who, "propose-policy", FRAMEWORK, proposal("2", &files), &["policy.proposed"]);
    let sha256 = digest(&world);
    world.refuses(who, "adopt-policy", FRAMEWORK, adopt(&sha256), "4.16", "it takes two people");
    world.refuses("cpc", "adopt-policy", FRAMEWORK, adopt(&sha256), "7", "an administrator");
    let unknown = json!({"version": "3", "sha256": sha256});
    world.refuses(other, "adopt-policy", FRAMEWORK, unknown, "4.16", "not proposed");
    // What is proposed meanwhile is not adopted unread.
    world.does(who, "propose-policy", FRAMEWORK, proposal("2", &shipped_files()), &["policy.proposed"]);
    world.refuses(other, "adopt-policy", FRAMEWORK, adopt(&sha256), "4.16", "has the digest");
    world.does(who, "propose-policy", FRAMEWORK, proposal("2", &files), &["policy.proposed"]);
    let mistyped = json!({"version": "2", "sha256": sha256, "backtest": "e".repeat(63)});
    world.refuses(other, "adopt-policy", FRAMEWORK, mistyped, "4.16", "a SHA-256 in hexadecimal");
    world.does(other, "adopt-policy", FRAMEWORK, adopt(&sha256), &["policy.adopted"]);
    let adopted = world.streams[FRAMEWORK].facts().next_back().unwrap();
    assert_eq!(adopted.text(Field::Text), Some(&*concatenated(&files)));
    assert_eq!(adopted.text(Field::ApprovedBy), Some("user/second-administrator"));
    assert_eq!(adopted.date(Field::EffectiveFrom).unwrap().to_string(), "2026-04-01");
    assert_eq!(adopted.text(Field::Sha256), Some(&*sha256));
    assert_eq!(adopted.text(Field::Backtest), Some(&*backtest));
    world.refuses(other, "adopt-policy", FRAMEWORK, adopt(&sha256), "4.16", "adopted already");
    world.refuses(who, "propose-policy", FRAMEWORK, proposal("2", &files), "4.16", "adopted already");
}

#[test]
fn a_text_that_does_not_load_is_refused_with_file_line_and_reason() {
    let mut world = world();
    let mut files = shipped_files();
    let rule = files.0["4.10.toml"].replacen("due = { days = 5 }", "due = { days = \"five\" }", 1);
    files.0.insert("4.10.toml".to_owned(), rule);
    let name = "propose-policy";
    let words = "policy 4.10.toml: line ";
    world.refuses("administrator", name, FRAMEWORK, proposal("2", &files), "4.16", words);
    let mut files = shipped_files();
    files.0.remove("6.6.toml");
    let words = "policy coverage.toml: line ";
    world.refuses("administrator", name, FRAMEWORK, proposal("2", &files), "4.16", words);
    let empty = proposal("2", &PolicyFiles::default());
    world.refuses("administrator", name, FRAMEWORK, empty, "4.16", "no rule file");
}
