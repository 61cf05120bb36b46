//! Meridian in front of real servers, asked by real clients. One module per topic; a test states one behaviour.
//!
//! Where it can be, the expectation is what a server says when it is asked directly.

#[path = "../deploy/manifests.rs"]
#[allow(dead_code, reason = "the tests of the manifests use the rest")]
mod manifests;
#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod bad_input;
mod cancel;
mod check_live;
mod clock;
mod coercion;
mod collations;
mod composite;
mod deployed;
mod digests;
mod drivers;
mod everywhere;
mod explain;
mod failure;
mod figures;
mod fleet;
mod groups;
mod hints;
mod itself;
mod joined;
mod keys;
mod large;
mod limits;
mod login;
mod members;
mod multi;
mod oltp;
mod ownership;
mod playground;
mod pools;
mod prepared;
mod previous;
mod readme;
mod reload;
mod renamed;
mod replicas;
mod rollout;
mod routing;
mod scatter;
mod serving;
mod sessions;
mod shells;
mod swaps;
mod tls;
mod transactions;
mod traps;
mod verify;
mod weights;
mod writes;
