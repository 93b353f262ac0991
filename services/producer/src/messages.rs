//! What is sent: messages one after the other, in memory that is used again.

/// One message, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The record's key: the source of the metrics.
    pub key: String,
    /// The record's value.
    pub payload: Vec<u8>,
    /// Whether a round ends with this message: the next one waits for `--interval`.
    pub ends_round: bool,
}

/// A row of messages. Not an `Iterator`: at hundreds of thousands of messages a second memory for each costs more than what is
/// written into it.
pub trait Messages {
    /// Writes the next message over `outgoing`. `false` at the end, and `outgoing` then holds nothing of use.
    fn next_into(&mut self, outgoing: &mut Outgoing) -> bool;

    /// The next message in memory of its own.
    fn next_owned(&mut self) -> Option<Outgoing> {
        let mut outgoing = Outgoing::default();
        self.next_into(&mut outgoing).then_some(outgoing)
    }
}

impl<M: Messages + ?Sized> Messages for Box<M> {
    fn next_into(&mut self, outgoing: &mut Outgoing) -> bool {
        (**self).next_into(outgoing)
    }
}

/// The first of a row of messages.
pub struct Limited<M> {
    messages: M,
    left: u64,
}

impl<M: Messages> Limited<M> {
    /// So many of them at most.
    pub fn new(messages: M, count: u64) -> Limited<M> {
        Limited {
            messages,
            left: count,
        }
    }
}

impl<M: Messages> Messages for Limited<M> {
    fn next_into(&mut self, outgoing: &mut Outgoing) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        self.messages.next_into(outgoing)
    }
}
