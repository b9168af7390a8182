//! Bodies as such: JSON, UTF-8, types, sizes, chunks.

use crate::client::{Client, post, request};
use crate::fixture::{AUTHORIZE, serve};
use crate::stand_in::Script;

const PATH: &str = "/api/v1/payments";
const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused_precisely() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let very_deep = "[".repeat(60_000);
    let table: &[(&[u8], &str, &str)] = &[
        (b"", "MALFORMED_JSON", "empty"),
        (b" ", "MALFORMED_JSON", "line 1 column 1"),
        (b"{\"amount\": 1,\n  oops}", "MALFORMED_JSON", "line 2 column 3"),
        (b"{\"amount\":1", "MALFORMED_JSON", "line 1 column 11"),
        (b"{\"amount\":01}", "MALFORMED_JSON", "line 1 column 12"),
        (b"{} {}", "MALFORMED_JSON", "line 1 column 4"),
        (b"{\"a\":\"\x01\"}", "MALFORMED_JSON", "control character"),
        (b"{\"a\":\"\\ud800\"}", "MALFORMED_JSON", "line 1"),
        (b"{\"a\":NaN}", "MALFORMED_JSON", "line 1 column 6"),
        (b"{\"a\":\"\xff\"}", "BODY_NOT_UTF8", "offset 6"),
        (b"{\"amount\":1,\"amount\":2}", "DUPLICATE_FIELD", "column 20"),
        (b"{\"metadata\":{\"a\":\"\",\"\\u0061\":\"\"}}", "DUPLICATE_FIELD", "\"a\""),
        (b"[]", "BODY_NOT_OBJECT", "an array"),
        (b"null", "BODY_NOT_OBJECT", "null"),
        (b"\"x\"", "BODY_NOT_OBJECT", "a string"),
        (deep.as_bytes(), "JSON_TOO_DEEP", "line 1"),
        (very_deep.as_bytes(), "JSON_TOO_DEEP", "line 1"),
    ];
    let served = serve(Script::Approve).await;
    for path in [PATH, "/api/payments/authorize"] {
        for (body, code, message) in table {
            let answer = served.send(&request("POST", path, JSON, body)).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert_eq!((answer.status, answer.code().as_str()), (400, *code), "{shown}");
            let said = answer.json()["message"].as_str().unwrap().to_owned();
            assert!(said.contains(message), "{shown}: {said}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            let problem_type = format!("urn:daybook:problem:{code}");
            assert_eq!(answer.json()["type"], problem_type, "{shown}");
            assert_eq!(answer.json()["status"], 400, "{shown}");
        }
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_415() {
    let served = serve(Script::Approve).await;
    for (headers, status) in [
        ("", 415),
        ("content-type: text/plain\r\n", 415),
        ("content-type: application/json; charset=latin1\r\n", 415),
        ("content-type: application/json\r\ncontent-encoding: gzip\r\n", 415),
        ("content-type: application/json; charset=utf-8\r\n", 201),
    ] {
        let answer = served.send(&request("POST", PATH, headers, AUTHORIZE.as_bytes())).await;
        assert_eq!(answer.status, status, "{headers} {answer:?}");
        if status == 415 {
            assert_eq!(answer.code(), "UNSUPPORTED_MEDIA_TYPE");
        }
    }
}

#[tokio::test]
async fn a_chunked_body_is_read_like_any_other() {
    let served = serve(Script::Approve).await;
    let (first, second) = AUTHORIZE.split_at(20);
    let chunked = |end: &str| {
        let head = format!("POST {PATH} HTTP/1.1\r\nhost: d\r\n{JSON}transfer-encoding: chunked");
        let (one, two) = (first.len(), second.len());
        format!("{head}\r\n\r\n{one:x}\r\n{first}\r\n{two:x}\r\n{second}\r\n{end}")
    };
    assert_eq!(served.send(chunked("0\r\n\r\n").as_bytes()).await.status, 201);
    let broken = served.send(chunked("zz\r\n\r\n").as_bytes()).await;
    assert_eq!((broken.status, broken.code()), (400, "BODY_INCOMPLETE".to_owned()));
}

#[tokio::test]
async fn a_body_of_160_kib_is_read_and_one_byte_more_is_413() {
    let served = serve(Script::Approve).await;
    let padded = |len: usize| format!("{}{AUTHORIZE}", " ".repeat(len - AUTHORIZE.len()));
    assert_eq!(served.post(PATH, &padded(163_840)).await.status, 201);
    let answer = served.post(PATH, &padded(163_841)).await;
    assert_eq!((answer.status, answer.code()), (413, "BODY_TOO_LARGE".to_owned()));
}

#[tokio::test]
async fn the_longest_authorization_is_read_with_every_character_escaped() {
    let grin = |count: usize| r"\ud83d\ude00".repeat(count);
    let pairs = (10..30).map(|number| format!("\"{}{number}\":\"{}\"", grin(38), grin(500)));
    let metadata = pairs.collect::<Vec<_>>().join(",");
    let texts = format!(r#","reference":"{}","metadata":{{{metadata}}}}}"#, grin(128));
    let longest = AUTHORIZE.replace('}', &texts);
    let answer = serve(Script::Approve).await.post(PATH, &longest).await;
    assert_eq!(answer.status, 201, "{} bytes: {answer:?}", longest.len());
}

/// A client that writes all of its body before it reads must find the answer, not a reset.
#[tokio::test]
async fn a_client_that_writes_two_mebibytes_first_reads_413_and_goes_on() {
    let served = serve(Script::Approve).await;
    let large = vec![b' '; 2 * 1024 * 1024];
    let mut client = Client::connect(served.addr).await;
    client.write(&request("POST", PATH, JSON, &large)).await;
    assert_eq!(client.read().await.status, 413);
    client.write(&post(PATH, "", AUTHORIZE)).await;
    assert_eq!(client.read().await.status, 201, "the connection is still of use");
}

#[tokio::test]
async fn a_chunked_body_that_grows_too_large_is_413() {
    let served = serve(Script::Approve).await;
    let mut client = Client::connect(served.addr).await;
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: d\r\n{JSON}transfer-encoding: chunked\r\n");
    client.write(format!("{head}\r\n").as_bytes()).await;
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for _ in 0..64 {
        client.write(chunk.as_bytes()).await;
    }
    client.write(b"0\r\n\r\n").await;
    assert_eq!(client.read().await.status, 413);
}

/// The client is told before it has sent anything, and is not given leave to send.
#[tokio::test]
async fn a_client_that_expects_100_continue_reads_413_instead() {
    let served = serve(Script::Approve).await;
    let head = |len: usize| {
        format!(
            "POST {PATH} HTTP/1.1\r\nhost: d\r\n{JSON}expect: 100-continue\r\n\
             content-length: {len}\r\n\r\n"
        )
    };
    let mut client = Client::connect(served.addr).await;
    client.write(head(1_000_000).as_bytes()).await;
    assert_eq!(client.read().await.status, 413);
    assert!(client.is_closed().await);

    let mut client = Client::connect(served.addr).await;
    client.write(head(AUTHORIZE.len()).as_bytes()).await;
    assert_eq!(client.read().await.status, 100, "a small body is asked for");
    client.write(AUTHORIZE.as_bytes()).await;
    assert_eq!(client.read().await.status, 201);
}
