//! Passwords are set, kept and described, and never told.

use millstream_wire::api::alter_user_scram_credentials::{self as alter, Deletion, Upsertion};
use millstream_wire::api::describe_user_scram_credentials::{self as describe, User};
use millstream_wire::{ApiKey, ErrorCode};

use crate::testing::TestBroker;

fn set(name: &str, mechanism: i8, iterations: i32) -> Upsertion<'_> {
    Upsertion {
        name,
        mechanism,
        iterations,
        salt: b"salt",
        salted_password: b"salted password",
    }
}

fn remove(name: &str, mechanism: i8) -> Deletion<'_> {
    Deletion { name, mechanism }
}

async fn altered(
    broker: &TestBroker,
    deletions: Vec<Deletion<'_>>,
    upsertions: Vec<Upsertion<'_>>,
) -> Vec<(String, ErrorCode)> {
    let request = alter::Request {
        deletions,
        upsertions,
    };
    let response: alter::Response<'_> = broker
        .call(ApiKey::AlterUserScramCredentials, 0, &request)
        .await;
    let results = response.results.iter();
    results
        .map(|result| (result.user.to_string(), result.error_code))
        .collect()
}

/// Each user with what is told of the passwords, or why nothing is.
async fn described(
    broker: &TestBroker,
    users: Option<&[&'static str]>,
) -> Vec<(String, Result<Vec<(i8, i32)>, ErrorCode>)> {
    let request = describe::Request {
        users: users.map(|users| users.iter().map(|name| User { name }).collect()),
    };
    let response: describe::Response<'_> = broker
        .call(ApiKey::DescribeUserScramCredentials, 0, &request)
        .await;
    let told = |result: &describe::UserResult<'_>| {
        let infos = result.credential_infos.iter();
        let infos = infos
            .map(|info| (info.mechanism, info.iterations))
            .collect();
        match result.error_code {
            ErrorCode::NONE => Ok(infos),
            code => Err(code),
        }
    };
    let results = response.results.iter();
    results
        .map(|result| (result.user.to_string(), told(result)))
        .collect()
}

fn named<T>(name: &str, value: T) -> (String, T) {
    (name.to_owned(), value)
}

// AK metadata/…/controller/ScramControlManager.java
#[tokio::test]
async fn passwords_are_known_by_mechanism_and_iterations_also_after_a_restart() {
    let broker = TestBroker::start().await;
    let upsertions = vec![set("bob", 1, 4096), set("alice", 1, 4096)];
    altered(&broker, vec![], upsertions).await;
    altered(&broker, vec![], vec![set("alice", 2, 16384)]).await;
    altered(&broker, vec![remove("bob", 1)], vec![set("alice", 1, 5000)]).await;
    let broker = broker.restart().await;
    let alice = || named("alice", Ok(vec![(1, 5000), (2, 16384)]));
    for users in [None, Some(&[][..]), Some(&["alice"][..])] {
        assert_eq!(described(&broker, users).await, [alice()]);
    }
    assert_eq!(
        described(&broker, Some(&["bob", "alice", "bob"])).await,
        [named("bob", Err(ErrorCode::DUPLICATE_RESOURCE)), alice()]
    );
    assert_eq!(
        described(&broker, Some(&["bob"])).await,
        [named("bob", Err(ErrorCode::RESOURCE_NOT_FOUND))]
    );
}

// AK metadata/…/controller/ScramControlManager.java
#[tokio::test]
async fn what_cannot_be_a_password_is_refused_and_keeps_no_other_from_its_own() {
    let broker = TestBroker::start().await;
    let unsalted = Upsertion {
        salt: b"",
        ..set("u", 1, 4096)
    };
    let cases = [
        (
            vec![],
            vec![set("u", 1, 4095)],
            ErrorCode::UNACCEPTABLE_CREDENTIAL,
        ),
        (
            vec![],
            vec![set("u", 1, 16385)],
            ErrorCode::UNACCEPTABLE_CREDENTIAL,
        ),
        (vec![], vec![unsalted], ErrorCode::UNACCEPTABLE_CREDENTIAL),
        (
            vec![],
            vec![set("u", 3, 4096)],
            ErrorCode::UNSUPPORTED_SASL_MECHANISM,
        ),
        (vec![remove("u", 1)], vec![], ErrorCode::RESOURCE_NOT_FOUND),
        (
            vec![remove("u", 9)],
            vec![],
            ErrorCode::UNSUPPORTED_SASL_MECHANISM,
        ),
        (
            vec![],
            vec![set("u", 1, 4096), set("u", 2, 4096)],
            ErrorCode::DUPLICATE_RESOURCE,
        ),
        (
            vec![remove("u", 1)],
            vec![set("u", 1, 4096)],
            ErrorCode::RESOURCE_NOT_FOUND,
        ),
    ];
    for (deletions, mut upsertions, expected) in cases {
        upsertions.push(set("good", 1, 4096));
        let codes = altered(&broker, deletions, upsertions).await;
        assert_eq!(
            codes,
            [named("good", ErrorCode::NONE), named("u", expected)]
        );
    }
    let nameless = altered(&broker, vec![remove("", 1)], vec![]).await;
    assert_eq!(nameless, [named("", ErrorCode::UNACCEPTABLE_CREDENTIAL)]);
    assert_eq!(
        described(&broker, None).await,
        [named("good", Ok(vec![(1, 4096)]))]
    );
}
