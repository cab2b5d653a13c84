//! scratch
use symbolon_admission::{policy::*, settings::*};
fn main() {
    let settings = Settings { tenant_id: "22222222-2222-2222-2222-222222222222".into(), authority_host: "https://login.microsoftonline.com/".into(), audience: "api://AzureADTokenExchange".into(), layout: Layout::V16, selector: Selector::PodLabel, custom_token_endpoint: None, proxy: Proxy::default(), trust: None, azure: true, aws: None, gcp: None };
    let policy = PolicySettings { mode: Mode::Policy, missing: Missing::Deny, ..PolicySettings::default() };
    let objects = render(&settings, &policy).unwrap();
    println!("{}", serde_json::to_string_pretty(&serde_json::json!({"apiVersion":"v1","kind":"List","items":objects})).unwrap());
}
