//! Tokens: what one must meet to hold one, and that an area has one CPC.

use super::{Account, User, vetted};
use crate::catalogue::{FactType, Field};
use crate::command::{Case, NewFact, Refusal};
use crate::rights::Post;

/// The level of vetting that a token takes (6.1, 7).
const fn level_of(token: &str) -> u8 {
    match token.as_bytes() {
        b"cpc" | b"central-support" | b"admin" => 3,
        _ => 2,
    }
}

pub(super) fn grant(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    let (token, area) = (case.text(Field::Token), case.command.text(Field::Area));
    let own = *case.cx.actor == *case.subject;
    case.must(!own, "4.16", "nobody grants a token to themselves", "somebody else grants it")?;
    case.must(
        !state.tokens.contains(&(token.into(), area.map(Into::into))),
        "4.16",
        "they hold it already",
        "nothing is to be granted",
    )?;
    if let Some(area) = area {
        let directory = &case.cx.directory;
        let theirs = directory.relation(&directory.standing(case.subject, case.cx.now), area, case.cx.now);
        let reason = "they do not belong to that area, where alone the token would count";
        case.must(theirs.within, "4.16", reason, "name their own area, or leave it out")?;
    }
    vetted(case, state, level_of(token), "6.1")?;
    if token == "admin" {
        let live = matches!(state.account, Account::Enabled | Account::Authorised | Account::Requested(_));
        case.must(
            !live,
            "7",
            "an administrator is not a live user",
            "disable the account first, or choose somebody else",
        )?;
        return Ok(case.one(FactType::TokenGranted));
    }
    let authorised = matches!(state.account, Account::Authorised | Account::Enabled | Account::Disabled);
    case.must(authorised, "4.16", "their account is not authorised", "have the account authorised first")?;
    let directory = &case.cx.directory;
    if token == "manager" {
        let lead = directory.standing(case.subject, case.cx.now).in_post(Post::VisorLead);
        case.must(
            !lead,
            "5.9",
            "a ViSOR lead is not tasked with updating records",
            "vacate the post first, or choose somebody else",
        )?;
    }
    if token == "cpc" {
        let group = directory.group_of(state.org.as_deref().unwrap_or_default(), case.cx.now);
        let group = area.map(Into::into).or(group).unwrap_or_default();
        if let Some(other) = directory.other_cpc_token(&group, case.subject, case.cx.now) {
            let reason = format!("{group} has one CPC token, and `{other}` holds it");
            return Err(case.broken("7", reason, "revoke theirs first"));
        }
    }
    Ok(case.one(FactType::TokenGranted))
}

pub(super) fn revoke(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    let area = case.command.text(Field::Area);
    let held = |(token, of): &(Box<str>, Option<Box<str>>)| {
        **token == *case.text(Field::Token) && (area.is_none() || of.as_deref() == area)
    };
    case.must(state.tokens.iter().any(held), "4.16", "they do not hold it", "nothing is to be revoked")?;
    Ok(case.one(FactType::TokenRevoked))
}
