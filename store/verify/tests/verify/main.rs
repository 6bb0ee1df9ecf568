//! The verifier from outside: one program, one file to each of its parts.

#[cfg(test)]
mod bundle;
#[cfg(test)]
mod check;
#[cfg(test)]
mod insider;
#[cfg(test)]
mod log;
#[cfg(test)]
mod note;
#[cfg(test)]
mod program;
#[cfg(test)]
mod python;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod witness;
