//! Nothing but the features in this crate's manifest.
