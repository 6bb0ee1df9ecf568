//! Every (command or view × standing × relation) cell against a table written by hand from spec 4.3.

use std::collections::BTreeSet;

use super::{Denial, Post, Relation, Right, Sight, Standing, check};
use crate::command::CommandName as C;
use crate::time::Date;

const RELATIONS: &[&str] = &[
    "none", "within", "holding", "partner", "opened", "fresh", "cpc", "deputy", "lpc", "lead", "self",
    "hidden",
];
/// Relations in which the person belongs to the area or group that answers.
const WITHIN: &str = "within fresh cpc deputy lpc lead self";
/// Every relation but that to a record limited to others.
const ANYWHERE: &str = "none within holding partner opened fresh cpc deputy lpc lead self";

const STANDINGS: &[&str] = &[
    "plain",
    "partner",
    "creator",
    "manager",
    "supervisor",
    "high",
    "central",
    "central-2",
    "admin",
    "admin-2",
    "auditor",
    "governor",
    "smb",
    "lapsed",
    "unsigned",
    "untrained",
    "disabled",
    "left",
    "stranger",
];
/// Live users: vetting in date, `SyOps` signed, trained, account enabled.
const LIVE: &str = "plain partner creator manager supervisor high central central-2";
/// Those of them with vetting level 3.
const HIGH: &str = "high central";
/// Registered, and not gone from the role.
const IN_ROLE: &str = "plain partner creator manager supervisor high central central-2 admin admin-2 auditor governor \
                       smb lapsed unsigned untrained disabled";

fn relation(name: &str) -> Relation {
    let mut relation =
        Relation { within: WITHIN.split(' ').any(|within| within == name), ..Relation::default() };
    match name {
        "none" | "within" => {}
        "holding" => relation.holding = true,
        "partner" => relation.partner = true,
        "opened" => relation.opened = true,
        "fresh" => relation.no_record = true,
        "cpc" => relation.posts = vec![Post::Cpc],
        "deputy" => relation.posts = vec![Post::DeputyCpc],
        "lpc" => relation.posts = vec![Post::Lpc],
        "lead" => relation.posts = vec![Post::VisorLead],
        "self" => relation.same_person = true,
        "hidden" => {
            relation = Relation {
                within: true,
                holding: true,
                posts: Post::ALL.to_vec(),
                here: Vec::new(),
                partner: true,
                opened: true,
                no_record: true,
                same_person: true,
                sight: Sight::Hidden,
            }
        }
        other => panic!("no relation {other}"),
    }
    relation
}

fn standing(name: &str) -> Standing {
    let tokens = |tokens: &[&str]| -> BTreeSet<(Box<str>, Option<Box<str>>)> {
        tokens.iter().map(|token| ((*token).into(), None)).collect()
    };
    let live = Standing {
        user: "user/U".into(),
        org: "unit/U1".into(),
        chain: vec!["unit/U1".into()],
        role: "practitioner".into(),
        left: false,
        vetting: 2,
        vetting_expires_on: Date::parse("2027-01-01").ok(),
        signed: true,
        trained: true,
        enabled: true,
        tokens: BTreeSet::new(),
        posts: Vec::new(),
    };
    // What is missing must count although every token is held.
    let all = || tokens(&["partner", "create", "manager", "supervisor", "central-support"]);
    let office = Standing { enabled: false, signed: false, trained: false, vetting: 0, ..live.clone() };
    match name {
        "plain" => live,
        "partner" => Standing { tokens: tokens(&["partner"]), ..live },
        "creator" => Standing { tokens: tokens(&["create"]), ..live },
        "manager" => Standing { tokens: tokens(&["manager"]), ..live },
        "supervisor" => Standing { tokens: tokens(&["supervisor"]), ..live },
        "high" => Standing { vetting: 3, ..live },
        "central" => Standing { vetting: 3, tokens: tokens(&["central-support"]), ..live },
        "central-2" => Standing { tokens: tokens(&["central-support"]), ..live },
        "admin" => Standing { vetting: 3, tokens: tokens(&["admin"]), ..office },
        "admin-2" => Standing { vetting: 2, tokens: tokens(&["admin"]), ..office },
        "auditor" => Standing { vetting: 2, role: "auditor".into(), ..office },
        "governor" => Standing { role: "governor".into(), ..office },
        "smb" => Standing { role: "smb-member".into(), ..office },
        "lapsed" => Standing { vetting: 0, tokens: all(), ..live },
        "unsigned" => Standing { vetting: 3, signed: false, tokens: all(), ..live },
        "untrained" => Standing { vetting: 3, trained: false, tokens: all(), ..live },
        "disabled" => Standing { vetting: 3, enabled: false, tokens: all(), ..live },
        "left" => Standing { vetting: 3, left: true, tokens: all(), ..live },
        "stranger" => Standing { org: "".into(), tokens: all(), ..live },
        other => panic!("no standing {other}"),
    }
}

/// Relations, and who may in them; whoever is not named may not.
type Allowed = &'static [(&'static str, &'static str)];

const CPC_OR_CENTRAL: Allowed = &[("cpc deputy", HIGH), (WITHIN, "central")];

/// The table of spec 4.3: what, and who may.
const TABLE: &[(&[C], &[Right], Allowed)] = &[
    (&[C::CreateRecord], &[Right::CreateRecord], &[(WITHIN, "creator")]),
    (
        &[C::RequestPartnership, C::OpenRecord],
        &[Right::RequestPartnership, Right::OpenRecord],
        &[(ANYWHERE, LIVE)],
    ),
    (
        &[C::PartnerNominal, C::RefusePartnership, C::RemovePartners],
        &[Right::AddPartners],
        &[(WITHIN, "manager supervisor central"), ("cpc deputy", HIGH), ("lpc", LIVE)],
    ),
    (
        &[
            C::PartnerInBulk,
            C::RequestTransfer,
            C::AcceptTransfer,
            C::RefuseTransfer,
            C::ArchiveRecord,
            C::UnarchiveRecord,
            C::MergeNominals,
            C::LimitAccess,
            C::LiftAccessLimit,
            C::OrderErasure,
            C::OrderRestriction,
            C::OrderLifting,
            C::ConfirmOrder,
            C::WithdrawOrder,
            C::AuthoriseAccount,
            C::GrantExemption,
            C::ReviewExemption,
            C::WaiveDuty,
        ],
        &[
            Right::PartnerInBulk,
            Right::GovernRecord,
            Right::ReceiveRecord,
            Right::AuthoriseAccess,
            Right::Waive,
            Right::Audit,
        ],
        CPC_OR_CENTRAL,
    ),
    (&[C::RecordAct], &[Right::RecordAct], &[(WITHIN, LIVE), ("holding", LIVE), ("partner", "partner")]),
    (&[], &[Right::UpdateRecord], &[(WITHIN, "manager"), ("partner", "partner")]),
    (&[C::SignOffAssessment], &[Right::SignOff], &[(WITHIN, "supervisor")]),
    (
        &[C::StateInError],
        &[Right::CorrectFact],
        &[(WITHIN, LIVE), ("holding", LIVE), ("partner", "partner"), (WITHIN, "admin")],
    ),
    (
        &[
            C::RegisterUser,
            C::ClearVetting,
            C::WithdrawVetting,
            C::StartTraining,
            C::CompleteTraining,
            C::MoveUser,
        ],
        &[Right::KeepUsers],
        &[("cpc deputy", HIGH), ("lpc lead", LIVE), (WITHIN, "central admin")],
    ),
    (
        &[C::UpdateContactCard, C::SetPreferences, C::SignDocument, C::CompleteElearning],
        &[Right::KeepContactCard, Right::SignDocument],
        &[("self", IN_ROLE), ("cpc deputy", HIGH), ("lpc lead", LIVE), (WITHIN, "central admin")],
    ),
    (&[C::SaveView, C::RemoveView], &[Right::KeepViews], &[("self", IN_ROLE)]),
    (
        &[C::RequestAccount],
        &[Right::RequestAccess],
        &[("cpc deputy", HIGH), ("lpc lead", LIVE), (WITHIN, "central")],
    ),
    (
        &[C::EnableAccount, C::DisableAccount, C::ArchiveAccount, C::GrantToken, C::RevokeToken],
        &[Right::KeepAccounts],
        &[("cpc deputy", HIGH), (WITHIN, "central admin")],
    ),
    (
        &[C::RecordLeaver, C::InformCpcOfLeaver],
        &[Right::ReportLeaver],
        &[("within fresh cpc deputy lpc lead", IN_ROLE)],
    ),
    (
        &[C::EnrolOrganisation, C::PlaceOrganisation, C::PublishDocument, C::ProposePolicy, C::AdoptPolicy],
        &[Right::Administer],
        &[(ANYWHERE, "admin")],
    ),
    (
        &[C::FillPost, C::VacatePost],
        &[Right::Appoint],
        &[("cpc deputy", HIGH), (WITHIN, "central governor admin")],
    ),
    (&[], &[Right::AppointCpc], &[(WITHIN, "admin")]),
    (&[C::SwitchProgrammeOn, C::SwitchProgrammeOff], &[Right::SwitchProgrammes], &[("cpc deputy", HIGH)]),
    (
        &[
            C::AttendRug,
            C::AttestRequirement,
            C::AttestCapacityPlan,
            C::AttestContinuityPlan,
            C::SubmitReturn,
            C::ProvideReport,
        ],
        &[Right::AssureQuality],
        &[("cpc deputy", HIGH), ("lpc lead", LIVE), (WITHIN, "central governor")],
    ),
    (&[C::DrawSample, C::CompleteAudit], &[], &[("cpc deputy", HIGH), (WITHIN, "central")]),
    (&[], &[Right::AuditDataset], &[("cpc deputy", HIGH), ("lead", LIVE), (WITHIN, "central")]),
    (&[C::RequestReport], &[Right::AskForReport], &[("cpc deputy", HIGH), (WITHIN, "smb governor")]),
    (
        &[C::RegisterTerminal, C::AssessTerminal, C::WithdrawTerminal],
        &[Right::AssessTerminal],
        &[("cpc deputy", HIGH), ("lead", LIVE)],
    ),
    // By the CPC only, neither a deputy nor a holder of the central support token (6.5).
    (&[C::ApproveTerminal], &[Right::ApproveTerminal], &[("cpc", HIGH)]),
    (
        &[C::AcknowledgeBreach, C::ExplainBreach, C::AssignBreach],
        &[Right::AnswerDuty],
        &[(WITHIN, LIVE), ("holding", LIVE)],
    ),
    (
        &[],
        &[Right::SeeNominal],
        &[
            ("partner", "partner"),
            (WITHIN, "manager supervisor central"),
            ("cpc deputy", HIGH),
            ("lpc fresh opened", LIVE),
            (ANYWHERE, "auditor"),
        ],
    ),
    (
        &[],
        &[Right::SeeDuty],
        &[
            (WITHIN, LIVE),
            (WITHIN, "governor"),
            ("holding opened", LIVE),
            ("partner", "partner"),
            (ANYWHERE, "auditor"),
        ],
    ),
    (&[], &[Right::SeeDuties], &[(ANYWHERE, LIVE), (WITHIN, "governor"), (ANYWHERE, "auditor")]),
    (&[], &[Right::SeeAll], &[(WITHIN, "central"), (ANYWHERE, "auditor")]),
    (&[], &[Right::SeeBoard], &[("cpc deputy", HIGH), (WITHIN, "central smb"), (ANYWHERE, "auditor")]),
    (&[], &[Right::ReadLog], &[(ANYWHERE, "auditor")]),
    (
        &[],
        &[Right::SeePeople],
        &[
            ("self", IN_ROLE),
            ("cpc deputy", HIGH),
            ("lpc lead", LIVE),
            (WITHIN, "supervisor central governor admin"),
            (ANYWHERE, "auditor"),
        ],
    ),
    (&[], &[Right::SeeRegisters], &[(ANYWHERE, LIVE), (WITHIN, "governor smb admin"), (ANYWHERE, "auditor")]),
    (&[], &[Right::SeeRetention], &[("cpc deputy", HIGH), (WITHIN, "central"), (ANYWHERE, "auditor")]),
    (&[], &[Right::SeeQuarantine], &[("cpc deputy", HIGH), (WITHIN, "central"), (ANYWHERE, "admin auditor")]),
    (&[], &[Right::SettleQuarantine], &[("cpc deputy", HIGH), (WITHIN, "central"), (ANYWHERE, "admin")]),
];

fn is_allowed(allowed: Allowed, standing: &str, relation: &str) -> bool {
    let holds = |words: &str, word: &str| words.split_whitespace().any(|found| found == word);
    allowed.iter().any(|(relations, standings)| holds(relations, relation) && holds(standings, standing))
}

#[test]
fn every_cell_of_the_table_is_as_written() {
    let mut rights: Vec<(String, Right, Allowed)> = Vec::new();
    for (commands, more, allowed) in TABLE {
        rights.extend(commands.iter().map(|name| (name.to_string(), name.spec().right, *allowed)));
        rights.extend(more.iter().map(|right| (format!("right {right}"), *right, *allowed)));
    }
    let (mut cells, mut wrong) = (0, Vec::new());
    for (what, right, allowed) in rights {
        let mut somebody = false;
        for standing_name in STANDINGS {
            for relation_name in RELATIONS {
                let may = check(right, &standing(standing_name), &relation(relation_name)).is_ok();
                let wanted = is_allowed(allowed, standing_name, relation_name);
                somebody |= may;
                cells += 1;
                if may != wanted {
                    wrong.push(format!("{what}: {standing_name} × {relation_name}: {may}, wanted {wanted}"));
                }
            }
        }
        assert!(somebody, "nobody has {what}");
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_command_and_every_right_stands_in_the_table_once() {
    let mut commands: Vec<C> = TABLE.iter().flat_map(|(commands, _, _)| commands.iter().copied()).collect();
    commands.sort_unstable();
    assert_eq!(commands, C::ALL);
    let mut rights: Vec<Right> = TABLE.iter().flat_map(|(_, rights, _)| rights.iter().copied()).collect();
    rights.sort_unstable();
    assert_eq!(rights, Right::ALL);
}

#[test]
fn a_refusal_names_the_paragraph_and_what_is_missing() {
    for (who, right, at, paragraph, words) in [
        ("lapsed", Right::GovernRecord, "cpc", "6.1", "ended on 2027-01-01"),
        ("central-2", Right::GovernRecord, "within", "6.1", "vetting level 3, yours is level 2"),
        ("unsigned", Right::UpdateRecord, "partner", "6.3", "SyOps"),
        ("untrained", Right::UpdateRecord, "partner", "6.2", "training"),
        ("disabled", Right::UpdateRecord, "partner", "4.16", "not enabled"),
        ("left", Right::UpdateRecord, "partner", "4.38", "left"),
        ("stranger", Right::UpdateRecord, "partner", "4.16", "not registered"),
        ("plain", Right::UpdateRecord, "partner", "5.13", "a partner of the record (partner token)"),
        ("plain", Right::ApproveTerminal, "within", "6.5", "the CPC in post"),
    ] {
        match check(right, &standing(who), &relation(at)) {
            Err(Denial::Missing { paragraph: found, reason }) => {
                assert_eq!(found, paragraph, "{who}: {reason}");
                assert!(reason.contains(words), "{who}: {reason}");
            }
            other => panic!("{who}: {other:?}"),
        }
    }
    let hidden = check(Right::SeeNominal, &standing("auditor"), &relation("hidden"));
    assert_eq!(hidden, Err(Denial::Hidden));
}

#[test]
fn a_token_of_another_area_gives_nothing_here() {
    let here: Vec<Box<str>> = vec!["unit/U1".into(), "area/A07".into(), "region/R1".into()];
    let of = |area: &str, role: &str| {
        let all = ["partner", "create", "manager", "supervisor", "central-support", "cpc", "lpc", "admin"];
        let tokens = all.iter().map(|token| ((*token).into(), Some(area.into()))).collect();
        Standing { tokens, vetting: 3, role: role.into(), chain: here.clone(), ..standing("plain") }
    };
    let relation = Relation { within: true, partner: true, here: here.clone(), ..Relation::default() };
    for right in Right::ALL {
        let without =
            check(*right, &Standing { tokens: BTreeSet::new(), ..of("area/A07", "other") }, &relation);
        let elsewhere = check(*right, &of("area/A08", "other"), &relation);
        assert_eq!(elsewhere.is_ok(), without.is_ok(), "{right}");
    }
    for right in [Right::GovernRecord, Right::CreateRecord, Right::SignOff, Right::Administer] {
        assert_eq!(check(right, &of("area/A07", "other"), &relation), Ok(()), "{right}");
    }
}
