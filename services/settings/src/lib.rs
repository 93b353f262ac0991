//! Settings from flags and environment variables, the same way in every service.
//!
//! Every setting is a flag and a variable; the flag wins. A value that does not fit is an error that
//! says which variable, what it held and what it may hold, and ends the program with status 2.

mod bootstrap;
mod command_line;
mod kafka;
mod log;
mod markdown;
mod misspelt;
mod names;
mod rdkafka_log;
mod value;

pub use bootstrap::Bootstrap;
pub use command_line::{parse, parse_or_exit, print};
pub use kafka::{KafkaArgs, KafkaSettingError, topic};
pub use log::{LogArgs, LogFormat, LogLevel};
pub use markdown::markdown_table;
pub use misspelt::warn_of_misspelt;
pub use rdkafka_log::{rdkafka_error, rdkafka_log};
pub use value::{count, duration, positive, some_time};

/// Exit status when the input, not the program, is wrong.
pub const EXIT_USAGE: u8 = 2;
