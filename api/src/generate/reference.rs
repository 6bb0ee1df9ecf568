//! The organisations and people of a history, as rows for the first set-up.

use super::Options;
use super::roster::{org_name, user_email, user_id, user_name};
use super::subject::Org;
use super::world::World;
use std::fmt::Write;

/// Returns the organisations and people of a history as CSV.
///
/// Columns: `kind,id,name,parent,post,user,email`. Rows: every `region`, `area`, `unit`, `prison-group` and
/// `prison` (with its parent), then for each post a row of kind `post` (id = the organisation, with post, user
/// and address), then every `user` (parent = the organisation, post = the role).
#[must_use]
pub fn reference_csv(options: &Options) -> String {
    let world = World::new(options);
    let mut rows = String::from("kind,id,name,parent,post,user,email\n");
    for org in organisations(&world) {
        let parent = parent(&world, org).map(Org::id).unwrap_or_default();
        row(&mut rows, [kind(org), &org.id(), &org_name(org), &parent, "", "", ""]);
    }
    for (user, person) in (0u32..).zip(&world.roster.people) {
        if let Some(post) = person.post() {
            let (given, family) = user_name(user);
            let name = format!("{given} {family}");
            row(&mut rows, ["post", &person.org.id(), &name, "", post, &user_id(user), &user_email(user)]);
        }
    }
    for (user, person) in (0u32..).zip(&world.roster.people) {
        let (given, family) = user_name(user);
        let name = format!("{given} {family}");
        let id = user_id(user);
        row(&mut rows, ["user", &id, &name, &person.org.id(), person.role, &id, &user_email(user)]);
    }
    rows
}

fn organisations(world: &World) -> Vec<Org> {
    let mut organisations: Vec<Org> = (0..world.regions).map(Org::Region).collect();
    for (area, entry) in (0u32..).zip(&world.areas) {
        organisations.push(Org::Area(area));
        organisations.extend((0..entry.units).map(|unit| Org::Unit(area, unit)));
    }
    organisations.extend((0..world.groups).map(Org::Group));
    organisations.extend((0..world.prisons).map(Org::Prison));
    organisations
}

fn kind(org: Org) -> &'static str {
    match org {
        Org::Area(_) => "area",
        Org::Unit(_, _) => "unit",
        Org::Prison(_) => "prison",
        Org::Group(_) => "prison-group",
        Org::Region(_) => "region",
    }
}

fn parent(world: &World, org: Org) -> Option<Org> {
    match org {
        Org::Area(area) => world.areas.get(area as usize).map(|area| Org::Region(area.region)),
        Org::Unit(area, _) => Some(Org::Area(area)),
        Org::Prison(prison) => Some(Org::Group(prison / 6)),
        Org::Group(_) | Org::Region(_) => None,
    }
}

/// None of the values holds a comma, a quotation mark or a line break.
fn row(rows: &mut String, values: [&str; 7]) {
    // Writing to a string cannot fail.
    let _ = writeln!(rows, "{}", values.join(","));
}
