//! Sign in to the demo as one of its people.

use askama::Template;

use super::Page;
use super::frame::Frame;

/// The people to sign in as. Choosing one posts `persona=<id>` to `/sign-in`.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// What surrounds the page; `person` is who is signed in now, if anyone.
    pub frame: Frame,
    /// The people, in the order of `spec/1-product.md`.
    pub people: Vec<Persona>,
    /// Where to go after signing in, sent back as `next`; a path of this service.
    pub next: Option<String>,
}

impl Page for SignIn {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        "Choose who to be".to_owned()
    }

    fn purpose(&self) -> String {
        "This demonstration has no passwords. Pick a person and see Mandate as they do.".to_owned()
    }
}

/// One person of the demo.
#[derive(Debug, Clone)]
pub struct Persona {
    /// The value sent.
    pub id: String,
    /// The fictional name.
    pub name: String,
    /// Role and place in words.
    pub role: String,
    /// What they come for, in one line, for example `What did we miss, what is about to be missed?`
    pub comes_for: String,
}

/// Sign in at the organisation's identity provider.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in_elsewhere.html")]
pub struct Elsewhere {
    /// What surrounds the page.
    pub frame: Frame,
    /// Where the identity provider is gone to.
    pub href: String,
    /// Whether somebody has just signed out here.
    pub signed_out: bool,
    /// Where they sign out of the identity provider too, if it says where.
    pub sign_out: Option<String>,
}

impl Page for Elsewhere {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        if self.signed_out { "You have signed out of Mandate".to_owned() } else { "Sign in".to_owned() }
    }

    fn purpose(&self) -> String {
        "Mandate keeps no passwords. You sign in with the account that your organisation gave you.".to_owned()
    }
}

/// Sign in with a token of the token file, where there is no identity provider.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in_token.html")]
pub struct WithToken {
    /// What surrounds the page, with what was wrong with the last attempt.
    pub frame: Frame,
    /// Where to go after signing in; a path of this service.
    pub next: Option<String>,
    /// Whether somebody has just signed out here.
    pub signed_out: bool,
}

impl Page for WithToken {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        if self.signed_out { "You have signed out of Mandate".to_owned() } else { "Sign in".to_owned() }
    }

    fn purpose(&self) -> String {
        "This server knows people by tokens. Enter the one that your administrator made for you.".to_owned()
    }
}
