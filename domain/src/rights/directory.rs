//! Users, posts and organisations as the log has them: what rights are computed from.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{Post, Relation, Sight, Standing};
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::command::{Annulments, Merges, Nominal, Organisation, Stream, User};
use crate::fact::Fact;
use crate::time::Instant;

/// Longest chain of organisations that is followed upwards.
const LEVELS: usize = 6;

/// Users and organisations, folded from the log and kept up to date; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    streams: HashMap<Box<str>, Arc<Stream>>,
    annulments: Arc<Annulments>,
    /// Organisations in which somebody was ever appointed.
    posts: HashMap<Box<str>, BTreeSet<Box<str>>>,
    /// Users to whom the CPC token was ever granted.
    cpc_tokens: HashSet<Box<str>>,
    merges: Arc<Merges>,
}

impl Directory {
    /// The types of fact that it takes in.
    pub const TYPES: &'static [FactType] = &[
        FactType::FactAnnulled,
        FactType::NominalMerged,
        FactType::UserRegistered,
        FactType::UserMoved,
        FactType::UserLeftRole,
        FactType::VettingCleared,
        FactType::VettingWithdrawn,
        FactType::TrainingStarted,
        FactType::TrainingCompleted,
        FactType::QaElearningCompleted,
        FactType::DocumentSigned,
        FactType::AccountRequested,
        FactType::AccountAuthorised,
        FactType::AccountEnabled,
        FactType::AccountDisabled,
        FactType::AccountArchived,
        FactType::TokenGranted,
        FactType::TokenRevoked,
        FactType::ExemptionGranted,
        FactType::ExemptionReviewed,
        FactType::PostFilled,
        FactType::PostVacated,
        FactType::OrganisationEnrolled,
        FactType::OrganisationPlaced,
        FactType::TerminalRegistered,
    ];

    /// Takes the next fact of the log in; others than [`Self::TYPES`] change nothing.
    pub fn take(&mut self, fact: Fact) {
        if !Self::TYPES.contains(&fact.kind) {
            return;
        }
        match fact.kind {
            FactType::FactAnnulled => Arc::make_mut(&mut self.annulments).note(&fact),
            FactType::NominalMerged => Arc::make_mut(&mut self.merges).note(&fact),
            FactType::PostFilled => {
                if let Some(user) = fact.text(Field::User) {
                    self.posts.entry(user.into()).or_default().insert(fact.subject.clone());
                }
            }
            FactType::TokenGranted if fact.text(Field::Token) == Some("cpc") => {
                self.cpc_tokens.insert(fact.subject.clone());
            }
            _ => {}
        }
        if !matches!(fact.kind, FactType::FactAnnulled | FactType::NominalMerged) {
            Arc::make_mut(self.streams.entry(fact.subject.clone()).or_default()).take(fact);
        }
    }

    /// What was annulled, anywhere in the log.
    #[must_use]
    pub fn annulments(&self) -> &Annulments {
        &self.annulments
    }

    /// A user, if anything is known of them.
    #[must_use]
    pub fn user(&self, user: &str, now: Instant) -> Option<User> {
        self.streams.get(user).map(|stream| stream.fold(&self.annulments, now))
    }

    /// An organisation; one of which nothing is known has no posts and no parent.
    #[must_use]
    pub fn organisation(&self, org: &str, now: Instant) -> Organisation {
        self.streams.get(org).map(|stream| stream.fold(&self.annulments, now)).unwrap_or_default()
    }

    /// An organisation and those above it.
    #[must_use]
    pub fn chain(&self, org: &str, now: Instant) -> Vec<Box<str>> {
        let mut chain: Vec<Box<str>> = Vec::new();
        let mut next = Some(Box::<str>::from(org)).filter(|org| !org.is_empty());
        while let Some(org) = next.take_if(|org| chain.len() < LEVELS && !chain.contains(org)) {
            next = self.organisation(&org, now).parent;
            chain.push(org);
        }
        chain
    }

    /// The area or prison group that an organisation is or belongs to; itself where there is none.
    fn group(chain: &[Box<str>]) -> Option<&str> {
        let of_group =
            |org: &&str| matches!(SubjectKind::of(org), Some(SubjectKind::Area | SubjectKind::PrisonGroup));
        let mut orgs = chain.iter().map(|org| &**org);
        let first = orgs.clone().next();
        orgs.find(of_group).or(first)
    }

    /// The posts that a user holds.
    fn posts_of(&self, user: &str, now: Instant) -> Vec<(Post, Box<str>)> {
        let mut held = Vec::new();
        for org in self.posts.get(user).into_iter().flatten() {
            let posts = self.organisation(org, now).posts;
            let own = posts.iter().filter(|(_, holder)| &**holder == user);
            held.extend(own.filter_map(|(post, _)| Some((Post::from_name(post)?, org.clone()))));
        }
        held
    }

    /// The CPC and deputies of the organisation that answers: its own, else those of the one above.
    #[must_use]
    pub fn cpcs(&self, org: &str, now: Instant) -> Vec<Box<str>> {
        for org in self.chain(org, now) {
            let posts = self.organisation(&org, now).posts;
            let found: Vec<Box<str>> = posts
                .into_iter()
                .filter(|(post, _)| matches!(&**post, "cpc" | "deputy-cpc"))
                .map(|(_, user)| user)
                .collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// Who holds the CPC token of an area beside somebody, if anyone does.
    #[must_use]
    pub fn other_cpc_token(&self, area: &str, user: &str, now: Instant) -> Option<Box<str>> {
        let holds = |other: &str| {
            other != user
                && self.user(other, now).is_some_and(|state| {
                    let theirs = self.chain(state.org.as_deref().unwrap_or_default(), now);
                    let group = Self::group(&theirs);
                    let of_area = |of: &Option<Box<str>>| of.as_deref().or(group) == Some(area);
                    state.tokens.iter().any(|(token, of)| &**token == "cpc" && of_area(of))
                })
        };
        self.cpc_tokens.iter().find(|other| holds(other)).cloned()
    }

    /// The area or prison group of an organisation.
    #[must_use]
    pub fn group_of(&self, org: &str, now: Instant) -> Option<Box<str>> {
        Self::group(&self.chain(org, now)).map(Into::into)
    }

    /// The nominals whose history is one with that of a nominal, itself included; the survivor first.
    #[must_use]
    pub fn unit(&self, nominal: &str, now: Instant) -> Vec<Box<str>> {
        self.merges.unit(nominal, &self.annulments, now)
    }

    /// Whether a merge was taken in.
    #[must_use]
    pub fn knows_merge(&self, merge: &Fact) -> bool {
        self.merges.knows(merge)
    }

    /// The users of whom anything is known.
    pub(super) fn users(&self, now: Instant) -> impl Iterator<Item = (&str, User)> {
        let streams = self.streams.iter().filter(|(id, _)| SubjectKind::of(id) == Some(SubjectKind::User));
        streams.map(move |(id, stream)| (&**id, stream.fold(&self.annulments, now)))
    }

    /// What the log says of a person at an instant.
    #[must_use]
    pub fn standing(&self, user: &str, now: Instant) -> Standing {
        let Some(state) = self.user(user, now) else {
            return Standing { user: user.into(), ..Standing::default() };
        };
        Standing {
            user: user.into(),
            vetting: state.vetting_level(now.london_date()),
            vetting_expires_on: state.vetting.map(|vetting| vetting.expires_on),
            signed: state.has_signed("syops"),
            trained: state.trained.contains("visor"),
            enabled: state.account.is_enabled(),
            tokens: state.tokens,
            posts: self.posts_of(user, now),
            chain: self.chain(state.org.as_deref().unwrap_or_default(), now),
            org: state.org.unwrap_or_default(),
            role: state.role.unwrap_or_default(),
            left: state.left,
        }
    }

    /// How a person stands to a subject that an organisation answers for.
    #[must_use]
    pub fn relation(&self, who: &Standing, org: &str, now: Instant) -> Relation {
        let here = self.chain(org, now);
        let group = Self::group(&here);
        let within = here.contains(&who.org) || (group.is_some() && group == Self::group(&who.chain));
        let posts = who.posts.iter().filter(|(post, of)| match post {
            Post::Cpc | Post::DeputyCpc | Post::VisorLead => here.contains(of),
            Post::Lpc => group.is_some() && Self::group(&self.chain(of, now)) == group,
        });
        let posts = posts.map(|(post, _)| *post).collect();
        Relation { within, here, posts, ..Relation::default() }
    }

    /// How a person stands to a nominal, `org` answering for it.
    #[must_use]
    pub fn relation_to_nominal(
        &self,
        who: &Standing,
        nominal: &Nominal,
        org: &str,
        now: Instant,
    ) -> Relation {
        let here = |org: &Option<Box<str>>| org.as_ref().is_some_and(|org| who.chain.contains(org));
        let mut relation = self.relation(who, org, now);
        // The ViSOR lead of the prison where the nominal is answers for what is done there.
        if let Some(prison) = &nominal.prison {
            let lead = |(post, of): &&(Post, Box<str>)| *post == Post::VisorLead && of == prison;
            relation.posts.extend(who.posts.iter().filter(lead).map(|(post, _)| *post));
        }
        relation.holding = here(&nominal.prison) || here(&nominal.area);
        relation.partner = nominal.is_partner(&who.user, &who.chain);
        relation.opened = nominal.is_opened_by(&who.user, now);
        relation.no_record = nominal.has_no_record();
        relation.sight = match nominal.listed() {
            None => Sight::Open,
            Some(listed) if listed.contains(&who.user) => Sight::Listed,
            Some(_) => Sight::Hidden,
        };
        relation
    }
}
