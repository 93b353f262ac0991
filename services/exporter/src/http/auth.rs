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
/// Users and their hashes.
#[derive(Clone)]
pub(super) struct Users {
    hashes: Arc<BTreeMap<String, String>>,
    /// The dearest of them, compared with when there is no such user, so that the time does not tell which users there are.
    nobody: String,
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
        let mut dearest = (0, "");
        for (user, hash) in &hashes {
            let parts = bcrypt::verify("", hash).and_then(|_| hash.parse::<bcrypt::HashParts>());
            let Ok(parts) = parts else {
                return Err(format!(
                    "basic_auth_users: the password of {user:?} is no bcrypt hash"
                ));
            };
            dearest = dearest.max((parts.get_cost(), hash));
        }
        Ok(Users {
            nobody: dearest.1.to_owned(),
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
        let hash = known.clone().unwrap_or_else(|| self.nobody.clone());
        let compared = tokio::task::spawn_blocking(move || {
            let right = bcrypt::verify(&password, &hash).unwrap_or(false);
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

    #[test]
    fn who_is_not_there_costs_as_much_as_the_dearest_user() {
        let hashes = [("ann", 4), ("bob", 6), ("eve", 5)]
            .map(|(user, cost)| (user.to_owned(), bcrypt::hash("secret", cost).unwrap()));
        let users = Users::new(BTreeMap::from(hashes)).unwrap();
        assert_eq!(users.nobody, users.hashes["bob"]);
    }

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
            // The password of another user is no password of one who is not there.
            assert!(!users.accept(Some(&header("bob", "secret"))).await);
            assert!(!users.accept(None).await);
            assert!(!users.accept(Some("Bearer x")).await);
            assert!(!users.accept(Some("Basic !!!")).await);
        }
    }
}
