//! The front: what every request passes before anything is done. It reads what is asked, verifies
//! who asks, and judges whether they may. It answers nothing itself.

pub(crate) mod address;
pub(crate) mod admission;
pub(crate) mod operation;
pub(crate) mod rights;
