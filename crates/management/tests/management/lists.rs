use serde_json::{Value, json};

use crate::world::{MANAGEMENT, World};

async fn with_applications(count: usize) -> World {
    let world = World::new().await;
    for number in 0..count {
        let body = json!({ "displayName": format!("app {number:03}") });
        assert_eq!(world.graph("POST", "/applications", Some(body)).await.status, 201);
    }
    world
}

fn names(list: &Value) -> Vec<&str> {
    list["value"].as_array().unwrap().iter().map(|found| found["displayName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_long_list_comes_in_pages_of_a_hundred() {
    let world = with_applications(250).await;
    let (mut path, mut sizes, mut all) = ("/applications".to_owned(), Vec::new(), Vec::new());
    loop {
        let page = world.graph("GET", &path, None).await.body;
        sizes.push(names(&page).len());
        all.extend(names(&page).into_iter().map(str::to_owned));
        let Some(link) = page["@odata.nextLink"].as_str() else { break };
        path = link.strip_prefix(&format!("{MANAGEMENT}/v1.0")).unwrap().to_owned();
    }
    assert_eq!(sizes, [100, 100, 50]);
    let expected: Vec<_> = (0..250).map(|number| format!("app {number:03}")).collect();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn the_next_page_keeps_what_was_asked_of_the_first() {
    let world = with_applications(7).await;
    let query =
        "$filter=startswith(displayName,'app%200')&$top=3&$orderby=displayName%20desc&$count=true&$select=displayName";
    let first = world.graph("GET", &format!("/applications?{query}"), None).await.body;
    assert_eq!(names(&first), ["app 006", "app 005", "app 004"]);
    assert_eq!(first["@odata.count"], 7);
    assert_eq!(first["value"][0], json!({ "displayName": "app 006" }));
    let link = first["@odata.nextLink"].as_str().unwrap().strip_prefix(MANAGEMENT).unwrap();
    let second = world.graph("GET", link.strip_prefix("/v1.0").unwrap(), None).await.body;
    assert_eq!(names(&second), ["app 003", "app 002", "app 001"]);
    assert_eq!(second["value"][0], json!({ "displayName": "app 003" }));
}

#[tokio::test]
async fn a_page_that_holds_all_has_no_link() {
    let world = with_applications(3).await;
    let page = world.graph("GET", "/applications?$top=3", None).await.body;
    assert_eq!((names(&page).len(), &page["@odata.nextLink"], &page["@odata.count"]), (3, &Value::Null, &Value::Null));
}

#[tokio::test]
async fn filters_find_by_the_start_of_a_name_by_uri_and_by_several_ids() {
    let world = with_applications(3).await;
    let body = json!({ "displayName": "orders", "identifierUris": ["api://orders"] });
    let orders = world.graph("POST", "/applications", Some(body)).await.body;
    let id = orders["id"].as_str().unwrap();
    for (filter, expected) in [
        ("startswith(displayName,'APP')".to_owned(), 3),
        ("startswith(displayName,'orders')".to_owned(), 1),
        ("identifierUris/any(s:s eq 'api://orders')".to_owned(), 1),
        ("identifierUris/any(s:s eq 'api://other')".to_owned(), 0),
        (format!("id in ('{id}','nothing')"), 1),
        ("displayName eq 'app 001' or displayName eq 'app 002'".to_owned(), 2),
        ("startswith(displayName,'app') and identifierUris/any(s:s eq 'api://orders')".to_owned(), 0),
    ] {
        let query = filter.replace(' ', "%20");
        let found = world.graph("GET", &format!("/applications?$filter={query}"), None).await.body;
        assert_eq!(names(&found).len(), expected, "{filter}");
    }
}

#[tokio::test]
async fn one_object_may_be_asked_for_by_some_properties() {
    let world = with_applications(1).await;
    let found = world.graph("GET", "/applications?$select=id,%20appId", None).await.body["value"][0].clone();
    let path = format!("/applications/{}?$select=id,appId,nothing", found["id"].as_str().unwrap());
    let mut shown = world.graph("GET", &path, None).await.body;
    shown.as_object_mut().unwrap().remove("@odata.context");
    assert_eq!(shown, found);
}
