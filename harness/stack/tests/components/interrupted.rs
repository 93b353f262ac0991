//! A fetch that is killed, and fetches that run at the same time.

use std::time::Duration;

use stack::components::{Error, NoProgress};

use crate::sample::Sample;
use crate::worker;

/// Enough to unpack that kills fall into the middle of it.
fn large() -> Sample {
    let noise = crate::sample::noise(100_000);
    let names: Vec<String> = (0..150).map(|n| format!("plugin/lib/{n}.jar")).collect();
    let files: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), noise.as_slice(), false))
        .collect();
    Sample::with_files(&files)
}

#[test]
fn a_process_killed_while_it_unpacks_leaves_a_cache_that_the_next_one_completes() {
    let sample = large();
    let mut interrupted = 0;
    for attempt in 0..30 {
        let mut command = worker::command(
            sample.dir.path(),
            &sample.cache_dir(),
            Some(&sample.repository()),
        );
        let mut process = command.spawn().unwrap();
        // The moment of the kill is what is tried out.
        std::thread::sleep(Duration::from_millis(attempt * 5));
        process.kill().unwrap();
        process.wait().unwrap();
        let cache = sample.without_maven().with_maven_dir(sample.repository());
        match cache.verify(&sample.plugin()) {
            Err(Error::NotFetched { .. }) => interrupted += 1,
            Ok(_) => break,
            Err(error) => panic!("after {} ms: {error}", attempt * 5),
        }
    }
    assert!(interrupted > 0, "no kill came before the end");
    let cache = sample.without_maven().with_maven_dir(sample.repository());
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    cache.verify_all(&sample.both()).unwrap();
    // What the killed ones left goes with the next fetch that has something to do.
    std::fs::remove_dir_all(sample.cache_dir().join("trees")).unwrap();
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    let left = std::fs::read_dir(sample.cache_dir().join("tmp")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "something is left in tmp");
}

#[test]
fn what_dead_processes_left_is_removed_unless_somebody_fetches() {
    let sample = large();
    let cache = sample.without_maven();
    assert_eq!(cache.leftovers(), None);
    let left = sample.cache_dir().join("tmp/lab-dead");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("half.jar"), [0; 1000]).unwrap();
    assert_eq!(
        cache.leftovers(),
        Some((sample.cache_dir().join("tmp"), 1000))
    );
    let held = std::fs::File::create(sample.cache_dir().join("lock")).unwrap();
    held.lock().unwrap();
    assert!(!cache.remove_leftovers().unwrap());
    assert!(left.exists());
    drop(held);
    assert!(cache.remove_leftovers().unwrap());
    assert_eq!(cache.leftovers(), None);
}

#[test]
fn processes_that_fetch_at_the_same_time_do_not_disturb_each_other() {
    let sample = large();
    let start = || {
        let mut command = worker::command(
            sample.dir.path(),
            &sample.cache_dir(),
            Some(&sample.repository()),
        );
        command.spawn().unwrap()
    };
    let processes: Vec<_> = (0..4).map(|_| start()).collect();
    for process in processes {
        assert_eq!(worker::said(&process.wait_with_output().unwrap()), Ok(()));
    }
}
