//! Basic auth with bcrypt hashes, as the ecosystem's web configuration file has them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

/// Digests of credentials that were right once, at most so many.
const REMEMBERED: usize = 100;
/// Compared with when there is no such user, so that the time tells nobody which users there are.
const NOBODY: &str = "$2b$10$abcdefghijklmnopqrstuu8IELLzLXZDmQfKHFxYnVXlTXgpFLi5e";

/// Users and their hashes.
#[derive(Clone)]
pub(super) struct Users {
    hashes: Arc<BTreeMap<String, String>>,
    /// bcrypt is slow on purpose, and a scraper comes every few seconds.
    right: Arc<Mutex<HashSet<[u8; 32]>>>,
    /// One comparison at a time: guessing must not take all processors.
    comparing: Arc<Semaphore>,
}

impl Users {
    /// Users by name.
    ///
    /// # Errors
    /// A hash is none; the hash itself is not quoted.
    pub(super) fn new(hashes: BTreeMap<String, String>) -> Result<Users, String> {
        for (user, hash) in &hashes {
            if bcrypt::verify("", hash).is_err() {
                return Err(format!(
                    "basic_auth_users: the password of {user:?} is no bcrypt hash"
                ));
            }
        }
        Ok(Users {
            hashes: Arc::new(hashes),
            right: Arc::default(),
            comparing: Arc::new(Semaphore::new(1)),
        })
    }

    /// Whether an `Authorization` header is that of a user.
    pub(super) async fn accept(&self, authorization: Option<&str>) -> bool {
        let Some((user, password)) = authorization.and_then(credentials) else {
            return false;
        };
        let digest: [u8; 32] = Sha256::digest(format!("{}:{user}:{password}", user.len())).into();
        if self.right.lock().contains(&digest) {
            return true;
        }
        let Ok(_turn) = self.comparing.acquire().await else {
            return false;
        };
        let known = self.hashes.get(&user).cloned();
        let compared = tokio::task::spawn_blocking(move || {
            let right =
                bcrypt::verify(&password, known.as_deref().unwrap_or(NOBODY)).unwrap_or(false);
            right && known.is_some()
        });
        let right = compared.await.unwrap_or(false);
        if right {
            let mut remembered = self.right.lock();
            if remembered.len() >= REMEMBERED {
                remembered.clear();
            }
            remembered.insert(digest);
        }
        right
    }
}

fn credentials(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn header(user: &str, password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_accepted() {
        let hash = bcrypt::hash("secret", 4).unwrap();
        let users = Users::new(BTreeMap::from([("ann".to_owned(), hash)])).unwrap();
        // Twice: the second time from memory.
        for _ in 0..2 {
            assert!(users.accept(Some(&header("ann", "secret"))).await);
            assert!(!users.accept(Some(&header("ann", "wrong"))).await);
            assert!(!users.accept(Some(&header("bob", "secret"))).await);
            assert!(!users.accept(None).await);
            assert!(!users.accept(Some("Bearer x")).await);
            assert!(!users.accept(Some("Basic !!!")).await);
        }
    }

    #[test]
    fn the_hash_of_nobody_is_a_hash() {
        assert!(!bcrypt::verify("", NOBODY).unwrap());
    }
}
