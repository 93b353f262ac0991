//! What an instance without partitions waits for, said in the log: a user who sees nothing happen looks there, and may look later than
//! at the start.

use std::time::{Duration, Instant};

/// A group without trouble has assigned partitions within this time.
const USUAL: Duration = Duration::from_secs(5);
/// Between two lines about a topic that is not there: at first, and at most.
const SOON: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_secs(60);

/// Something to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The topic is not there, and was not for so long.
    NoTopic(Duration),
    /// It has come after so long.
    Topic(Duration),
    /// The group has taken longer than usual.
    NoAssignment,
    /// It has come to an end after so long.
    Assigned(Duration),
}

/// What is known of the wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    missing: Option<Missing>,
    /// Since when nothing but the group is waited for.
    for_group: Option<Instant>,
    /// Whether that was said.
    told: bool,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    told: Instant,
    pause: Duration,
}

impl Waiting {
    /// The broker says that the topic is not there.
    pub(super) fn topic_is_missing(&mut self, now: Instant) -> Option<News> {
        self.for_group = None;
        let Some(missing) = &mut self.missing else {
            self.missing = Some(Missing {
                since: now,
                told: now,
                pause: SOON,
            });
            return Some(News::NoTopic(Duration::ZERO));
        };
        if now.saturating_duration_since(missing.told) < missing.pause {
            return None;
        }
        missing.told = now;
        missing.pause = (missing.pause * 2).min(LATER);
        Some(News::NoTopic(now.saturating_duration_since(missing.since)))
    }

    /// The topic is there.
    pub(super) fn topic_is_there(&mut self, now: Instant) -> Option<News> {
        let missing = self.missing.take()?;
        Some(News::Topic(now.saturating_duration_since(missing.since)))
    }

    /// The group has assigned nothing yet, and nothing is known to stand in the way.
    pub(super) fn for_group(&mut self, now: Instant) -> Option<News> {
        let since = *self.for_group.get_or_insert(now);
        if self.told || now.saturating_duration_since(since) < USUAL {
            return None;
        }
        self.told = true;
        Some(News::NoAssignment)
    }

    /// The group has assigned something, be it nothing.
    pub(super) fn assigned(&mut self, now: Instant) -> Option<News> {
        let since = self.for_group.take()?;
        std::mem::take(&mut self.told).then(|| News::Assigned(now.saturating_duration_since(since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Seconds at which there was something to say, in a wait of so many, with a look in each.
    fn lines(seconds: u32, mut look: impl FnMut(Instant) -> Option<News>) -> Vec<u32> {
        let start = Instant::now();
        (0..seconds)
            .filter(|second| look(start + SECOND * *second).is_some())
            .collect()
    }

    /// It was said once, and who came later saw nothing.
    #[test]
    fn a_topic_that_is_missing_is_told_of_again_and_again_ever_less_often() {
        let mut waiting = Waiting::default();
        let told = lines(300, |now| waiting.topic_is_missing(now));
        assert_eq!(told, [0, 5, 15, 35, 75, 135, 195, 255]);
    }

    #[test]
    fn a_topic_that_has_come_is_told_of_once_with_how_long_it_took() {
        let mut waiting = Waiting::default();
        let start = Instant::now();
        assert_eq!(waiting.topic_is_there(start), None);
        waiting.topic_is_missing(start);
        let came = start + SECOND * 8;
        assert_eq!(waiting.topic_is_there(came), Some(News::Topic(SECOND * 8)));
        assert_eq!(waiting.topic_is_there(came + SECOND), None);
    }

    #[test]
    fn a_group_that_takes_long_is_told_of_once_and_so_is_its_end() {
        let mut waiting = Waiting::default();
        let start = Instant::now();
        let told: Vec<_> = (0..45)
            .filter_map(|second| waiting.for_group(start + SECOND * second))
            .collect();
        assert_eq!(told, [News::NoAssignment]);
        let end = start + SECOND * 45;
        assert_eq!(waiting.assigned(end), Some(News::Assigned(SECOND * 45)));
        assert_eq!(waiting.assigned(end + SECOND), None);
    }

    #[test]
    fn nothing_is_said_of_a_group_that_assigns_in_time() {
        let mut waiting = Waiting::default();
        let start = Instant::now();
        assert_eq!(waiting.for_group(start), None);
        assert_eq!(waiting.for_group(start + SECOND * 4), None);
        assert_eq!(waiting.assigned(start + SECOND * 9), None);
    }

    #[test]
    fn the_wait_for_the_group_begins_when_the_topic_is_there() {
        let mut waiting = Waiting::default();
        let start = Instant::now();
        waiting.for_group(start);
        waiting.topic_is_missing(start + SECOND);
        assert_eq!(waiting.for_group(start + SECOND * 9), None);
        assert_eq!(
            waiting.for_group(start + SECOND * 14),
            Some(News::NoAssignment)
        );
    }
}
