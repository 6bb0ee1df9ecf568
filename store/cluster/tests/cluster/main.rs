//! The private cluster from outside.

#[cfg(test)]
mod life;
#[cfg(test)]
mod small_disk;
