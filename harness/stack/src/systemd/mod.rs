//! Services that are units of systemd on this machine, as NixOS has them: control through `systemctl`, logs from the journal.

mod control;
mod unit;

pub use control::Control;
pub use unit::{Unit, UnitError, UnitState};
