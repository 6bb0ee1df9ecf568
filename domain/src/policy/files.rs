//! The files of a policy and their canonical concatenation.

use std::collections::BTreeMap;

/// The files of a policy folder by name, `text.txt` included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyFiles(pub BTreeMap<String, String>);

/// Before each file in the concatenation stands this mark and the file's name.
const MARK: &str = "#= file: ";

macro_rules! shipped {
    ($($name:literal)*) => {
        /// The files that ship with the program.
        #[must_use]
        pub fn shipped_files() -> PolicyFiles {
            let files = [$(($name, include_str!(concat!("../../policy/", $name)))),*];
            PolicyFiles(files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
        }

        /// Names of the files that ship with the program.
        #[cfg(test)]
        const SHIPPED: &[&str] = &[$($name),*];
    };
}

shipped! {
    "4.3.toml" "4.7.toml" "4.8.cpc.toml" "4.8.lpc.toml" "4.10.toml" "4.11.toml" "4.12.toml" "4.13.toml"
    "4.14.toml" "4.15.toml" "4.16.dataset.toml" "4.16.logon.toml" "4.16.request.toml"
    "4.16.request.training.toml" "4.16.rug.toml" "4.16.sign.toml" "4.16.vetting.toml" "4.17.toml" "4.18.toml"
    "4.19.toml" "4.20.2.toml" "4.20.3.toml" "4.20.add.toml" "4.21.toml" "4.22.toml" "4.24.toml" "4.25.toml"
    "4.26.toml" "4.28.toml" "4.36.toml" "4.38.toml" "4.38.close.toml" "5.4.toml" "5.5.toml" "5.9.partners.toml"
    "5.9.record.toml" "5.12.toml" "5.13.toml" "5.14.toml" "5.15.toml" "5.16.toml" "5.17.toml" "5.18.toml"
    "5.19.toml" "5.22.toml" "5.23.toml" "6.1.toml" "6.1.token.toml" "6.2.toml" "6.3.toml" "6.4.toml" "6.6.toml"
    "coverage.toml" "interpretations.toml" "minimum-dataset.toml" "text.txt"
}

macro_rules! drafts {
    ($($draft:literal: $($name:literal)*;)*) => {
        /// The drafts that ship with the program, by name: readings of the framework that were not chosen, each with
        /// only the files that differ.
        pub const DRAFTS: &[&str] = &[$($draft),*];

        /// The files of a draft that ships with the program.
        #[must_use]
        pub fn shipped_draft(name: &str) -> Option<PolicyFiles> {
            let files: &[(&str, &str)] = match name {
                $($draft => &[$(($name, include_str!(concat!("../../policy/drafts/", $draft, "/", $name)))),*],)*
                _ => return None,
            };
            let owned = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
            Some(PolicyFiles(owned.collect()))
        }
    };
}

drafts! {
    "eight-months": "4.11.toml" "interpretations-draft.toml";
    "five-working-days": "4.10.toml" "interpretations-draft.toml";
    "short-periods-skip-weekends": "4.10.toml" "4.13.toml" "4.25.toml" "interpretations-draft.toml";
    "suspended-sentences": "4.13.toml" "interpretations-draft.toml";
}

impl PolicyFiles {
    /// The same files with those of a draft in place of theirs.
    #[must_use]
    pub fn with(mut self, draft: Self) -> Self {
        self.0.extend(draft.0);
        self
    }
}

/// The canonical concatenation: every file by name, each after a line with its name, ending in a line feed.
///
/// The framework's text is part of it, since the quotes are checked against it.
#[must_use]
pub fn concatenated(files: &PolicyFiles) -> String {
    let mut all = String::new();
    for (name, text) in &files.0 {
        all.push_str(MARK);
        all.push_str(name);
        all.push('\n');
        all.push_str(text);
        if !text.ends_with('\n') {
            all.push('\n');
        }
    }
    all
}

/// The files of a concatenation, the inverse of [`concatenated`].
#[must_use]
pub fn split_concatenation(text: &str) -> PolicyFiles {
    let mut files = BTreeMap::new();
    let mut current: Option<(String, String)> = None;
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix(MARK) {
            files.extend(current.take());
            current = Some((name.trim_end().to_owned(), String::new()));
        } else if let Some((_, body)) = &mut current {
            body.push_str(line);
        }
    }
    files.extend(current);
    PolicyFiles(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_policy_folder_ships() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policy");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let end = std::path::Path::new(&name).extension().and_then(|end| end.to_str());
            let is_data = matches!(end, Some("toml" | "txt"));
            assert!(!is_data || SHIPPED.contains(&name.as_str()), "{name} is not listed in policy/files.rs");
        }
    }

    #[test]
    fn every_draft_of_the_policy_folder_ships() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policy/drafts");
        let names = |folder: &std::path::Path| {
            let entries = std::fs::read_dir(folder).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names(folder.as_ref()), DRAFTS);
        for draft in DRAFTS {
            let shipped: Vec<String> = shipped_draft(draft).unwrap().0.into_keys().collect();
            assert_eq!(names(&std::path::Path::new(folder).join(draft)), shipped, "{draft}");
        }
        assert_eq!(shipped_draft("no-such"), None);
    }

    #[test]
    fn a_concatenation_splits_into_the_same_files() {
        let text = concatenated(&shipped_files());
        let split = split_concatenation(&text);
        assert!(split.0.keys().eq(shipped_files().0.keys()));
        assert!(concatenated(&split) == text);
    }
}
