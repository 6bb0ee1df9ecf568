//! The scheduler on a real log, with a virtual clock and no sleeps.

#[cfg(test)]
mod breaches;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod deliveries;
#[cfg(test)]
mod deputies;
#[cfg(test)]
mod digests;
#[cfg(test)]
mod downtime;
#[cfg(test)]
mod escalations;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod limited;
#[cfg(test)]
mod mails;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod occasions;
#[cfg(test)]
mod quiet;
#[cfg(test)]
mod recipients;
#[cfg(test)]
mod rescissions;
#[cfg(test)]
mod running;
#[cfg(test)]
mod smtp_server;
#[cfg(test)]
mod warnings;
#[cfg(test)]
mod watching;
