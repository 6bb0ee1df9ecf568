//! Black-box tests through HTTP and the command line, and tests of the architecture.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod http;
