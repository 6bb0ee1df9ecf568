//! The verifier from outside: one program, one file to each of its parts.

#[cfg(test)]
mod note;
#[cfg(test)]
mod tree;
