//! The private cluster from outside.

#[cfg(test)]
mod life;
