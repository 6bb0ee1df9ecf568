//! Judging, sentence by sentence of spec 3: given facts, when judged at (as at, known at), then these duties.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod given;

mod acts;
mod annulments;
mod backtest;
mod bank_holidays;
mod before_something;
mod cases;
mod custody;
mod derivations;
mod drafts;
mod each_working_day;
mod foreign;
mod holders;
mod known_since;
mod limits;
mod meetings_and_audits;
mod merges;
mod opened_by_facts;
mod partnership;
mod police_records;
mod posts;
mod prior;
mod programmes;
mod properties;
mod publications;
mod published_data;
mod reconciliation;
mod release_dates;
mod state;
mod supersession;
mod table;
mod time;
mod vetting;
mod waivers;
mod while_it_holds;
