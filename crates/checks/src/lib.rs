//! What `skykey doctor` and `skykey doctor --me` are made of: checks that are done one after the other, their
//! report as a table and as JSON, and the checks that every system has to pass. It is not a doctor: it knows
//! no system by name. What always holds: a check that depends on one that failed is not done, and says so.

pub mod advice;
pub mod contact;
pub mod report;
pub mod section;
