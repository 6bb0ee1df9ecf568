//! The command line of a campaign: pairs of `--name value`.

use std::str::FromStr;

use anyhow::{Context as _, bail};

/// What is left of the command line.
#[derive(Debug)]
pub struct Arguments(Vec<(String, String)>);

impl Arguments {
    /// Takes pairs of a name with `--` and a value.
    ///
    /// # Errors
    /// For a name without a value, or a value without a name.
    pub fn new(words: &[String]) -> anyhow::Result<Self> {
        let pair = |pair: &[String]| match pair {
            [name, value] if name.starts_with("--") => Ok((name.clone(), value.clone())),
            [name, ..] => bail!("`{name}`: expected `--name value`"),
            [] => bail!("nothing"),
        };
        Ok(Self(words.chunks(2).map(pair).collect::<anyhow::Result<_>>()?))
    }

    /// The value of a name, or what is usual.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn take<T>(&mut self, name: &str, usual: T) -> anyhow::Result<T>
    where
        T: FromStr,
        T::Err: Into<anyhow::Error>,
    {
        match self.0.iter().position(|(known, _)| known == name) {
            None => Ok(usual),
            Some(at) => {
                let (_, value) = self.0.remove(at);
                value.parse().map_err(Into::into).with_context(|| format!("{name} {value}"))
            }
        }
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// Names the first that nobody asked for.
    pub fn end(self) -> anyhow::Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some((name, value)) => bail!("{name} {value}: not known here"),
        }
    }
}
