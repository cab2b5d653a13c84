use symbolon_core::{
    ClientId, ObjectId,
    application::{Application, ServicePrincipal},
    client::{ClientKind, Principal},
    ports::management::{ApplicationChanges, Holder},
};

use super::{
    Everything, a_certificate, a_credential, a_principal, a_role, a_secret, an_application, guid, is_exists,
    is_not_found, new_identity, new_tenant, unlimited,
};

pub(crate) async fn an_application_comes_back_as_it_was_created(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let application = Application {
        identifier_uris: vec!["api://Second".into(), "api://first".into()],
        service_principal: Some(a_principal()),
        secrets: vec![a_secret("one"), a_secret("two")],
        certificates: vec![a_certificate()],
        ..an_application(tenant, "Application")
    };
    store.create_application(&application).await.unwrap();
    let found = store.application(tenant, application.object_id).await.unwrap();
    assert!(found.version > 0);
    let mut expected = Application { version: found.version, ..application };
    expected.secrets.sort_by_key(|secret| secret.key_id.to_string());
    assert_eq!(found, expected);
    let other = new_tenant(store).await;
    is_not_found(store.application(other, expected.object_id).await, "application");
    assert_eq!(store.applications(other).await.unwrap(), []);
}

pub(crate) async fn ids_and_uris_that_others_have_are_refused(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let mut first = an_application(tenant, "first");
    first.identifier_uris = vec!["api://taken".into()];
    first.service_principal = Some(a_principal());
    first.secrets = vec![a_secret("secret")];
    store.create_application(&first).await.unwrap();
    let wanted = || an_application(tenant, "second");
    let attempts = [
        ("application", Application { object_id: first.object_id, ..wanted() }),
        ("client id", Application { app_id: first.app_id, ..wanted() }),
        ("identifier URI", Application { identifier_uris: vec!["API://Taken".into()], ..wanted() }),
        ("principal id", Application { service_principal: first.service_principal.clone(), ..wanted() }),
        ("key id", Application { secrets: first.secrets.clone(), ..wanted() }),
    ];
    for (what, wanted) in attempts {
        is_exists(store.create_application(&wanted).await, what);
        assert!(what == "client id" || store.client(tenant, wanted.app_id).is_none(), "{what}");
    }
    assert_eq!(store.applications(tenant).await.unwrap().len(), 1);
    let elsewhere = Application { tenant: new_tenant(store).await, ..first };
    store.create_application(&elsewhere).await.unwrap();
}

pub(crate) async fn a_resource_is_found_by_its_id_and_by_its_uri_in_any_letter_case(store: &dyn Everything) {
    let (tenant, other) = (new_tenant(store).await, new_tenant(store).await);
    let mut application = an_application(tenant, "resource");
    application.identifier_uris = vec!["api://Resource".into()];
    store.create_application(&application).await.unwrap();
    let id = application.app_id.to_string();
    for name in ["api://Resource", "API://resource", &id, &id.to_uppercase()] {
        let found = store.resource_application(tenant, name).unwrap();
        assert_eq!(found.app_id, application.app_id, "{name}");
        assert!(store.resource_application(other, name).is_none(), "{name}");
    }
    assert!(store.resource_application(tenant, "api://resource/").is_none());
    assert!(store.resource_application(tenant, &application.object_id.to_string()).is_none());
}

pub(crate) async fn an_identifier_uri_never_shadows_an_app_id(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let victim = an_application(tenant, "victim");
    store.create_application(&victim).await.unwrap();
    let mut thief = an_application(tenant, "thief");
    thief.identifier_uris = vec![victim.app_id.to_string()];
    store.create_application(&thief).await.unwrap();
    let found = store.resource_application(tenant, &victim.app_id.to_string()).unwrap();
    assert_eq!(found.app_id, victim.app_id);
}

fn principal(store: &dyn Everything, application: &Application) -> Option<Principal> {
    let client = store.client(application.tenant, application.app_id).unwrap();
    match &client.kind {
        ClientKind::Application { principal, .. } => *principal,
        ClientKind::ManagedIdentity { .. } => panic!("not an application"),
    }
}

pub(crate) async fn a_service_principal_is_set_once_and_changed(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let tenant = identity.tenant;
    let application = an_application(tenant, "application");
    store.create_application(&application).await.unwrap();
    assert_eq!(principal(store, &application), None);

    let first = a_principal();
    let put = async |wanted: &ServicePrincipal| {
        store.put_service_principal(tenant, application.object_id, wanted).await.unwrap();
    };
    put(&first).await;
    store.add_role_assignment(&a_role(tenant, first.object_id, "/")).await.unwrap();
    put(&ServicePrincipal { enabled: false, ..first.clone() }).await;
    assert_eq!(principal(store, &application), Some(Principal { object_id: first.object_id, enabled: false }));
    assert_eq!(store.role_assignments(tenant, first.object_id).len(), 1);

    let second = a_principal();
    is_exists(store.put_service_principal(tenant, application.object_id, &second).await, "service principal");
    assert_eq!(principal(store, &application), Some(Principal { object_id: first.object_id, enabled: false }));
    assert_eq!(store.role_assignments(tenant, first.object_id).len(), 1);

    assert!(store.delete_service_principal(tenant, application.object_id).await.unwrap());
    let stolen = ServicePrincipal { object_id: identity.principal_id, enabled: true };
    is_exists(store.put_service_principal(tenant, application.object_id, &stolen).await, "principal id");
    is_not_found(store.put_service_principal(tenant, ObjectId::new(guid()), &first).await, "application");
}

pub(crate) async fn a_deleted_service_principal_takes_its_roles_with_it(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let application = an_application(tenant, "application");
    let own = a_principal();
    store.create_application(&application).await.unwrap();
    assert!(!store.delete_service_principal(tenant, application.object_id).await.unwrap());
    store.put_service_principal(tenant, application.object_id, &own).await.unwrap();
    store.add_role_assignment(&a_role(tenant, own.object_id, "/")).await.unwrap();
    assert_eq!(store.client_of_principal(tenant, own.object_id).await.unwrap(), Some(application.app_id));

    assert!(store.delete_service_principal(tenant, application.object_id).await.unwrap());
    assert_eq!(principal(store, &application), None);
    assert_eq!(store.role_assignments(tenant, own.object_id), []);
    assert_eq!(store.client_of_principal(tenant, own.object_id).await.unwrap(), None);
    is_not_found(store.delete_service_principal(tenant, ObjectId::new(guid())).await, "application");
}

pub(crate) async fn the_principal_of_an_identity_leads_to_its_client(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let found = store.client_of_principal(identity.tenant, identity.principal_id).await.unwrap();
    assert_eq!(found, Some(identity.client_id));
    let other = new_tenant(store).await;
    assert_eq!(store.client_of_principal(other, identity.principal_id).await.unwrap(), None);
}

pub(crate) async fn an_update_changes_what_it_names_and_nothing_else(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let made = Application {
        identifier_uris: vec!["api://one".into()],
        certificates: vec![a_certificate()],
        secrets: vec![a_secret("secret")],
        ..an_application(tenant, "before")
    };
    store.create_application(&made).await.unwrap();
    let update = async |changes: ApplicationChanges| store.update_application(tenant, made.object_id, &changes).await;
    let find = async || store.application(tenant, made.object_id).await.unwrap();
    let first = find().await;

    update(ApplicationChanges { display_name: Some("after".into()), ..ApplicationChanges::default() }).await.unwrap();
    let second = find().await;
    assert!(second.version > first.version);
    assert_eq!(second, Application { display_name: "after".into(), version: second.version, ..first });
    assert_eq!(store.client(tenant, made.app_id).unwrap().name, "after");

    let uris = vec!["api://ONE".to_owned(), "api://two".to_owned()];
    let changes = ApplicationChanges { identifier_uris: Some(uris.clone()), ..ApplicationChanges::default() };
    update(changes).await.unwrap();
    assert_eq!(find().await.identifier_uris, uris);
    assert!(store.resource_application(tenant, "api://two").is_some());

    let new = a_certificate();
    let certificates = Some(vec![made.certificates[0].clone(), new.clone()]);
    update(ApplicationChanges { certificates, ..ApplicationChanges::default() }).await.unwrap();
    assert_eq!(find().await.certificates.len(), 2);
    update(ApplicationChanges { certificates: Some(vec![new.clone()]), ..ApplicationChanges::default() })
        .await
        .unwrap();
    assert_eq!(find().await.certificates, [new]);
    assert_eq!(find().await.secrets, made.secrets);
    let nobody = store.update_application(tenant, ObjectId::new(guid()), &ApplicationChanges::default()).await;
    is_not_found(nobody, "application");
}

pub(crate) async fn an_update_that_takes_another_s_uri_changes_nothing(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let taken = Application { identifier_uris: vec!["api://taken".into()], ..an_application(tenant, "first") };
    let own = Application { identifier_uris: vec!["api://own".into()], ..an_application(tenant, "second") };
    store.create_application(&taken).await.unwrap();
    store.create_application(&own).await.unwrap();
    let changes = ApplicationChanges {
        display_name: Some("third".into()),
        identifier_uris: Some(vec!["API://taken".into()]),
        ..ApplicationChanges::default()
    };
    is_exists(store.update_application(tenant, own.object_id, &changes).await, "identifier URI");
    let found = store.application(tenant, own.object_id).await.unwrap();
    assert_eq!((found.display_name.as_str(), found.identifier_uris), ("second", own.identifier_uris));
}

pub(crate) async fn secrets_and_certificates_come_and_go(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let application = an_application(tenant, "application");
    let id = application.object_id;
    store.create_application(&application).await.unwrap();
    let (first, second, certificate) = (a_secret("first"), a_secret("second"), a_certificate());
    store.add_secret(tenant, id, &first).await.unwrap();
    store.add_secret(tenant, id, &second).await.unwrap();
    store.add_certificate(tenant, id, &certificate).await.unwrap();
    is_exists(store.add_secret(tenant, id, &first).await, "key id");
    let client = store.client(tenant, application.app_id).unwrap();
    assert!(client.secrets()[0].hash.matches("first"));
    assert_eq!(client.secrets(), [first.clone(), second.clone()]);
    assert_eq!(client.certificates()[0].certificate, certificate);

    for key in [first.key_id, certificate.key_id] {
        assert!(store.remove_key(tenant, id, key).await.unwrap());
        assert!(!store.remove_key(tenant, id, key).await.unwrap());
    }
    let client = store.client(tenant, application.app_id).unwrap();
    assert_eq!(client.secrets(), [second]);
    assert!(client.certificates().is_empty());

    let nobody = ObjectId::new(guid());
    is_not_found(store.add_secret(tenant, nobody, &first).await, "application");
    is_not_found(store.add_certificate(tenant, nobody, &certificate).await, "application");
    is_not_found(store.remove_key(tenant, nobody, first.key_id).await, "application");
}

pub(crate) async fn certificates_are_ready_to_verify_with(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let mut application = an_application(tenant, "application");
    let mut broken = a_certificate();
    broken.certificate = "AAAA".into();
    application.certificates = vec![a_certificate(), broken];
    store.create_application(&application).await.unwrap();
    let client = store.client(tenant, application.app_id).unwrap();
    // One that cannot be used is left out; it stays in the registration, where it can be removed.
    assert_eq!(client.certificates().len(), 1);
    assert!(client.certificates()[0].key.allows(symbolon_jose::Algorithm::Es256));
    assert_eq!(store.application(tenant, application.object_id).await.unwrap().certificates.len(), 2);
}

pub(crate) async fn a_deleted_application_takes_everything_with_it(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let principal = a_principal();
    let application = Application {
        identifier_uris: vec!["api://gone".into()],
        service_principal: Some(principal.clone()),
        secrets: vec![a_secret("secret")],
        ..an_application(tenant, "application")
    };
    store.create_application(&application).await.unwrap();
    let holder = Holder { tenant, client_id: application.app_id };
    store.put_federated_credential(holder, &a_credential("fic", "subject"), unlimited()).await.unwrap();
    store.add_role_assignment(&a_role(tenant, principal.object_id, "/")).await.unwrap();

    assert!(store.delete_application(tenant, application.object_id).await.unwrap());
    assert!(!store.delete_application(tenant, application.object_id).await.unwrap());
    assert!(store.client(tenant, application.app_id).is_none());
    assert!(store.resource_application(tenant, "api://gone").is_none());
    assert_eq!(store.role_assignments(tenant, principal.object_id), []);
    is_not_found(store.application(tenant, application.object_id).await, "application");

    store.create_application(&application).await.unwrap();
    assert!(store.client(tenant, application.app_id).unwrap().federated_credentials.is_empty());
    assert_eq!(store.role_assignments(tenant, principal.object_id), []);
}

pub(crate) async fn applications_are_listed_by_display_name(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let id = |n: u128| uuid::Uuid::from_u128(n);
    for (name, object) in [("same", 2), ("alpha", 3), ("same", 1)] {
        let mut application = an_application(tenant, name);
        application.object_id = ObjectId::new(id(object));
        application.app_id = ClientId::new(guid());
        store.create_application(&application).await.unwrap();
    }
    let listed: Vec<_> = store.applications(tenant).await.unwrap().into_iter().map(|found| found.object_id).collect();
    assert_eq!(listed, [3, 1, 2].map(|n| ObjectId::new(id(n))));
}
