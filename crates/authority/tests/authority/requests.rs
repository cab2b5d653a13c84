//! Requests that are not what the token endpoints expect.

use axum::body::Body;
use http::{Method, Request};

use crate::support::{App, form, post, v1_path, v2_path, with_method};

#[tokio::test]
async fn every_method_but_post_is_refused_in_entra_s_form() {
    let app = App::new();
    for path in [v1_path(), v2_path()] {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let reply = app.send(with_method(method.clone(), &path)).await;
            assert_eq!(reply.outcome(), (400, 900_561), "{method}");
            let expected = format!("The endpoint only accepts POST, OPTIONS requests. Received a {method} request.");
            assert!(reply.text.contains(&expected), "{}", reply.text);
        }
    }
    let head = app.send(with_method(Method::HEAD, &v2_path())).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (400, ""));
}

#[tokio::test]
async fn options_is_answered_with_what_is_allowed() {
    let reply = App::new().send(with_method(Method::OPTIONS, &v2_path())).await;
    assert_eq!((reply.status.as_u16(), reply.header("allow")), (204, Some("POST, OPTIONS")));
}

#[tokio::test]
async fn only_a_form_is_read() {
    let app = App::new();
    for (content_type, expected) in [
        ("application/x-www-form-urlencoded", (200, 0)),
        ("application/x-www-form-urlencoded; charset=utf-8", (200, 0)),
        ("application/x-www-form-urlencoded;charset=UTF-8", (200, 0)),
        ("Application/X-WWW-Form-URLEncoded", (200, 0)),
        ("application/json", (400, 900_144)),
        ("multipart/form-data", (400, 900_144)),
        ("text/plain", (400, 900_144)),
        ("", (400, 900_144)),
    ] {
        let request =
            Request::post(v2_path()).header("content-type", content_type).body(Body::from(form(|_| ()))).unwrap();
        assert_eq!(app.send(request).await.outcome(), expected, "{content_type}");
    }
    let without = Request::post(v2_path()).body(Body::from(form(|_| ()))).unwrap();
    assert_eq!(app.send(without).await.outcome(), (400, 900_144));
}

#[tokio::test]
async fn a_form_that_is_not_utf_8_is_refused_whether_escaped_or_not() {
    let app = App::new();
    for addition in ["&x=%FF", "&%C3=1", "&x=%C3%28", "&client_id=%ED%A0%80"] {
        let reply = app.send(post(&v2_path(), &format!("{}{addition}", form(|_| ())))).await;
        assert_eq!(reply.outcome(), (400, 9_002_313), "{addition}");
    }
    let mut bytes = form(|_| ()).into_bytes();
    bytes.extend(b"&x=\xff");
    let raw = Request::post(v2_path())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(bytes))
        .unwrap();
    assert_eq!(app.send(raw).await.outcome(), (400, 9_002_313));
}

#[tokio::test]
async fn a_percent_sign_that_escapes_nothing_stands_for_itself() {
    let app = App::new();
    for addition in ["&x=%", "&x=%4", "&x=%zz", "&x=100%", "&=&&x"] {
        let reply = app.send(post(&v2_path(), &format!("{}{addition}", form(|_| ())))).await;
        assert_eq!(reply.outcome(), (200, 0), "{addition}");
    }
}

#[tokio::test]
async fn what_sdks_send_beside_the_protocol_is_ignored() {
    let extra = "&client_info=1&claims=%7B%22access_token%22%3A%7B%7D%7D&x-client-SKU=msal.js.node&x-client-VER=5\
                 &x-ms-lib-capability=retry-after&x-client-current-telemetry=5&x-client-SKU=again";
    let path = format!("{}?unknown=1&x=%FF", v2_path());
    assert_eq!(App::new().send(post(&path, &format!("{}{extra}", form(|_| ())))).await.outcome(), (200, 0));
}

#[tokio::test]
async fn an_empty_body_lacks_its_first_parameter() {
    let reply = App::new().send(post(&v2_path(), "")).await;
    assert_eq!(reply.outcome(), (400, 900_144));
    assert!(reply.text.contains("'grant_type'"), "{}", reply.text);
}

#[tokio::test]
async fn the_tenant_is_decoded_from_the_path() {
    let app = App::new();
    for (tenant, expected) in [
        ("contoso.example", (200, 0)),
        ("CONTOSO.example", (200, 0)),
        ("contoso%2Eexample", (200, 0)),
        ("common", (400, 50_059)),
        ("unknown.example", (400, 90_002)),
        ("contoso", (400, 900_023)),
        ("contoso.example%00", (400, 900_023)),
        ("..%2Fcontoso.example", (400, 900_023)),
        ("%FF", (400, 900_023)),
        ("%22%3Cb%3E", (400, 900_023)),
    ] {
        let reply = app.send(post(&format!("/{tenant}/oauth2/v2.0/token"), &form(|_| ()))).await;
        assert_eq!(reply.outcome(), expected, "{tenant}");
    }
    assert_eq!(app.world.records.lock().unwrap().len(), 10, "each of them is recorded");
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let app = App::new();
    for path in [
        "/",
        "/oauth2/v2.0/token",
        "/contoso.example/oauth2/v2.0/token/",
        "/a/b/oauth2/v2.0/token",
        "/contoso.example/oauth2/v2.0/authorize",
    ] {
        assert_eq!(app.send(post(path, &form(|_| ()))).await.status, 404, "{path}");
    }
}
