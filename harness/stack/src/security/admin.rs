//! Users and rules, by Kafka's own protocol: AlterUserScramCredentials (KIP-554) and CreateAcls. The Rust client has no functions for
//! them, librdkafka has.

use std::ffi::{CStr, CString, NulError, c_char, c_int};
use std::ptr;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::bindings as native;
use rdkafka::client::DefaultClientContext;

use super::rules::{Operation, Pattern, Resource, Rule};
use super::{Keys, SecurityError, User};

/// Kafka takes no fewer for SCRAM (`ScramMechanism.minIterations`). Passwords here are random, and need no slower a hash.
const ITERATIONS: i32 = 4096;

/// Tells Kafka the passwords of its users. Those of the same names that it had are replaced.
pub(crate) fn set_passwords(
    client: &ClientConfig,
    keys: &Keys,
    limit: Duration,
) -> Result<(), SecurityError> {
    let failed = |why: String| SecurityError::Refused { what: "users", why };
    let admin = admin(client).map_err(failed)?;
    let names = User::OF_KAFKA.map(|user| CString::new(user.as_str()));
    let names: Vec<CString> = names
        .into_iter()
        .collect::<Result<_, NulError>>()
        .map_err(|error| failed(error.to_string()))?;
    let request = |alterations: &mut Vec<_>, queue| {
        for (user, name) in User::OF_KAFKA.into_iter().zip(&names) {
            let password = keys.password(user).as_bytes();
            // SAFETY: name and password live for the call, which copies them; librdkafka makes the salt where none is given.
            alterations.push(unsafe {
                native::rd_kafka_UserScramCredentialUpsertion_new(
                    name.as_ptr(),
                    native::rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_512,
                    ITERATIONS,
                    password.as_ptr(),
                    password.len(),
                    ptr::null(),
                    0,
                )
            });
        }
        // SAFETY: client and queue live, and the request is copied by the call.
        unsafe {
            native::rd_kafka_AlterUserScramCredentials(
                admin.inner().native_ptr(),
                alterations.as_mut_ptr(),
                alterations.len(),
                ptr::null(),
                queue,
            );
            native::rd_kafka_UserScramCredentialAlteration_destroy_array(
                alterations.as_mut_ptr(),
                alterations.len(),
            );
        }
    };
    let answer = ask(&admin, limit, |queue| request(&mut Vec::new(), queue)).map_err(failed)?;
    // SAFETY: the event lives, and so does what it holds; each list has the length that comes with it.
    let errors = unsafe {
        let result = native::rd_kafka_event_AlterUserScramCredentials_result(answer.0);
        if result.is_null() {
            return Err(failed("another request was answered".to_owned()));
        }
        let mut count = 0;
        let all = native::rd_kafka_AlterUserScramCredentials_result_responses(result, &mut count);
        words(all, count, |one| {
            native::rd_kafka_AlterUserScramCredentials_result_response_error(one)
        })
    };
    errors.map_or(Ok(()), |why| Err(failed(why)))
}

/// Adds rules; those that are there already are no error.
pub(crate) fn allow(
    client: &ClientConfig,
    rules: &[Rule],
    limit: Duration,
) -> Result<(), SecurityError> {
    let failed = |why: String| SecurityError::Refused { what: "rules", why };
    if rules.is_empty() {
        return Ok(());
    }
    let admin = admin(client).map_err(failed)?;
    let mut bindings = Vec::new();
    for rule in rules {
        match binding(rule) {
            Ok(binding) => bindings.push(binding),
            Err(why) => {
                destroy(&mut bindings);
                return Err(failed(why));
            }
        }
    }
    let answer = ask(&admin, limit, |queue| {
        // SAFETY: client, rules and queue live, and the request is copied by the call.
        unsafe {
            native::rd_kafka_CreateAcls(
                admin.inner().native_ptr(),
                bindings.as_mut_ptr(),
                bindings.len(),
                ptr::null(),
                queue,
            );
        }
    });
    destroy(&mut bindings);
    let answer = answer.map_err(failed)?;
    // SAFETY: as above.
    let errors = unsafe {
        let result = native::rd_kafka_event_CreateAcls_result(answer.0);
        if result.is_null() {
            return Err(failed("another request was answered".to_owned()));
        }
        let mut count = 0;
        let all = native::rd_kafka_CreateAcls_result_acls(result, &mut count);
        words(all, count, |one| native::rd_kafka_acl_result_error(one))
    };
    errors.map_or(Ok(()), |why| Err(failed(why)))
}

type Admin = AdminClient<DefaultClientContext>;

fn admin(client: &ClientConfig) -> Result<Admin, String> {
    client.create().map_err(|error| error.to_string())
}

/// A rule in librdkafka's form, to be destroyed.
fn binding(rule: &Rule) -> Result<*mut native::rd_kafka_AclBinding_t, String> {
    use native::rd_kafka_AclOperation_t as Op;
    use native::rd_kafka_ResourcePatternType_t as Kind;
    use native::rd_kafka_ResourceType_t as Type;
    let text = |text: &str| CString::new(text).map_err(|error| error.to_string());
    let (name, principal, host) = (
        text(&rule.name)?,
        text(&format!("User:{}", rule.user))?,
        text("*")?,
    );
    let mut why: [c_char; 512] = [0; 512];
    // SAFETY: the texts live for the call, which copies them, and `why` is as long as is said.
    let binding = unsafe {
        native::rd_kafka_AclBinding_new(
            match rule.resource {
                Resource::Topic => Type::RD_KAFKA_RESOURCE_TOPIC,
                Resource::Group => Type::RD_KAFKA_RESOURCE_GROUP,
                Resource::TransactionalId => Type::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID,
            },
            name.as_ptr(),
            match rule.pattern {
                Pattern::Literal => Kind::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                Pattern::Prefixed => Kind::RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
            },
            principal.as_ptr(),
            host.as_ptr(),
            match rule.operation {
                Operation::Read => Op::RD_KAFKA_ACL_OPERATION_READ,
                Operation::Write => Op::RD_KAFKA_ACL_OPERATION_WRITE,
                Operation::Create => Op::RD_KAFKA_ACL_OPERATION_CREATE,
                Operation::Delete => Op::RD_KAFKA_ACL_OPERATION_DELETE,
                Operation::Describe => Op::RD_KAFKA_ACL_OPERATION_DESCRIBE,
                Operation::DescribeConfigs => Op::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
            },
            native::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
            why.as_mut_ptr(),
            why.len(),
        )
    };
    if binding.is_null() {
        // SAFETY: librdkafka ends it with a zero byte.
        let why = unsafe { CStr::from_ptr(why.as_ptr()) };
        return Err(why.to_string_lossy().into_owned());
    }
    Ok(binding)
}

fn destroy(bindings: &mut Vec<*mut native::rd_kafka_AclBinding_t>) {
    // SAFETY: each came from `rd_kafka_AclBinding_new`, and none is left in the list.
    unsafe { native::rd_kafka_AclBinding_destroy_array(bindings.as_mut_ptr(), bindings.len()) };
    bindings.clear();
}

/// An answer, until it is dropped.
struct Answer(*mut native::rd_kafka_event_t);

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: it came from `rd_kafka_queue_poll`, and nothing else destroys it.
        unsafe { native::rd_kafka_event_destroy(self.0) }
    }
}

/// The answer to a request whose outcome comes to the queue that it is given.
fn ask(
    admin: &Admin,
    limit: Duration,
    request: impl FnOnce(*mut native::rd_kafka_queue_t),
) -> Result<Answer, String> {
    // SAFETY: the client lives longer than the queue, which is destroyed here.
    let event = unsafe {
        let queue = native::rd_kafka_queue_new(admin.inner().native_ptr());
        request(queue);
        let wait = c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX);
        let event = native::rd_kafka_queue_poll(queue, wait);
        native::rd_kafka_queue_destroy(queue);
        event
    };
    if event.is_null() {
        return Err(format!("no answer within {limit:?}"));
    }
    let answer = Answer(event);
    // SAFETY: the event lives; its words end with a zero byte and live as long.
    let failed = unsafe {
        (native::rd_kafka_event_error(event)
            != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR)
            .then(|| text(native::rd_kafka_event_error_string(event)))
    };
    failed.map_or(Ok(answer), Err)
}

/// What is wrong with the first of several that has an error.
///
/// # Safety
/// `all` has `count` elements, of which `error_of` gives errors that live as long.
unsafe fn words<T>(
    all: *mut *const T,
    count: usize,
    error_of: impl Fn(*const T) -> *const native::rd_kafka_error_t,
) -> Option<String> {
    (0..count).find_map(|place| {
        // SAFETY: the caller's promise; there is no error where the pointer is null.
        unsafe {
            let error = error_of(*all.add(place));
            let has = !error.is_null()
                && native::rd_kafka_error_code(error)
                    != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
            has.then(|| text(native::rd_kafka_error_string(error)))
        }
    })
}

/// # Safety
/// Null, or the start of bytes that end with a zero byte.
unsafe fn text(words: *const c_char) -> String {
    if words.is_null() {
        return "no reason is given".to_owned();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(words) }
        .to_string_lossy()
        .into_owned()
}
