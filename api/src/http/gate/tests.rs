use std::collections::BTreeSet;

use super::table::{ROWS, row};
use crate::http::{openapi, site};

#[test]
fn every_address_has_one_row_and_every_row_an_address() {
    let mut addresses: Vec<(String, String)> = openapi::routes().addresses();
    addresses.extend(site::pages().addresses());
    let there: BTreeSet<(&str, &str)> =
        addresses.iter().map(|(method, path)| (method.as_str(), path.as_str())).collect();
    let written: BTreeSet<(&str, &str)> = ROWS.iter().map(|(method, path, ..)| (*method, *path)).collect();
    assert_eq!(written.len(), ROWS.len(), "a row stands there twice");
    assert!(there.len() > 90, "{}", there.len());
    let without: Vec<_> = there.difference(&written).collect();
    assert!(without.is_empty(), "without a row: {without:?}");
    let nowhere: Vec<_> = written.difference(&there).collect();
    assert!(nowhere.is_empty(), "a row for nothing: {nowhere:?}");
}

#[test]
fn an_address_without_a_row_is_told_from_one_of_another_method() {
    assert!(row("GET", "/work").is_ok() && row("HEAD", "/work").is_ok());
    assert_eq!(row("POST", "/work"), Err(true));
    assert_eq!(row("GET", "/v1/secrets"), Err(false));
}
