//! The whole world in one process, with a clock that the test moves.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod accounts;
mod agent;
mod api_reference;
mod doctor;
mod expiry;
mod fault_proxy;
mod faults;
mod faults_echo;
mod faults_iam;
mod faults_keystone;
mod faults_tls;
mod help;
mod jupyter;
mod layers;
mod machines;
mod notebooks;
mod outages;
mod proof;
mod readiness;
mod realstack;
mod reference;
mod request_ids;
mod secrets;
mod shells;
mod stand_ins;
mod storm;
mod sts_conformance;
mod up_file;
mod web_identity;
mod world;
