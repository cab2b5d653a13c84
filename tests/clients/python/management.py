"""Works on the management plane with the official libraries, unmodified.

Reads MANAGEMENT (the URL), SUBSCRIPTION, TENANT, CLIENT and CERTIFICATE (a PEM file with the key)
from the environment, and ends with code 0 only where everything was as Azure would have it.
"""

import os
import uuid

import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import CertificateCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource import ResourceManagementClient

MANY = 250
GROUP = "many"
URL = os.environ["MANAGEMENT"]
SUBSCRIPTION = os.environ["SUBSCRIPTION"]
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"

credential = CertificateCredential(
    os.environ["TENANT"],
    os.environ["CLIENT"],
    os.environ["CERTIFICATE"],
    disable_instance_discovery=True,
)
options = {"base_url": URL, "credential_scopes": [URL + "/.default"]}


def refused(status, code, call):
    """Runs what must be refused."""
    try:
        call()
    except HttpResponseError as error:
        found = (error.status_code, error.error.code if error.error else None)
        assert found == (status, code), f"refused with {found}, expected {(status, code)}: {error}"
        return error
    raise AssertionError(f"was not refused with {status} {code}")


def groups():
    client = ResourceManagementClient(credential, SUBSCRIPTION, **options)
    made = client.resource_groups.create_or_update(GROUP, {"location": "westeurope", "tags": {"a": "b"}})
    assert (made.name, made.location, made.tags) == (GROUP, "westeurope", {"a": "b"}), made
    assert client.resource_groups.check_existence(GROUP)
    assert not client.resource_groups.check_existence("nothing")
    assert GROUP in [group.name for group in client.resource_groups.list()]
    return client


def identities():
    client = ManagedServiceIdentityClient(credential, SUBSCRIPTION, **options)
    names = [f"identity-{number:03}" for number in range(MANY)]
    for name in names:
        client.user_assigned_identities.create_or_update(GROUP, name, {"location": "westeurope"})
    pages = list(client.user_assigned_identities.list_by_resource_group(GROUP).by_page())
    found = [identity.name for page in pages for identity in page]
    assert found == names, found
    assert len(list(client.user_assigned_identities.list_by_subscription())) == MANY
    refused(404, "ResourceNotFound", lambda: client.user_assigned_identities.get(GROUP, "nothing"))
    return client, client.user_assigned_identities.get(GROUP, names[0])


def etags(client, identity):
    """An update from an older state than the stored one is refused, and changes nothing."""
    tag = {}
    keep = lambda answer: tag.update(value=answer.http_response.headers["ETag"])
    client.user_assigned_identities.get(GROUP, identity.name, raw_response_hook=keep)
    stale = {"If-Match": tag["value"]}
    update = lambda team, headers: client.user_assigned_identities.create_or_update(
        GROUP, identity.name, {"location": identity.location, "tags": {"team": team}}, headers=headers
    )
    assert update("one", stale).tags == {"team": "one"}
    refused(412, "PreconditionFailed", lambda: update("two", stale))
    assert client.user_assigned_identities.get(GROUP, identity.name).tags == {"team": "one"}


def credentials(client, identity):
    api = client.federated_identity_credentials
    body = {"issuer": "https://issuer.example", "audiences": ["api://AzureADTokenExchange"]}
    for number in range(MANY):
        api.create_or_update(GROUP, identity.name, f"fic-{number:03}", body | {"subject": f"subject-{number}"})
    found = [found.name for found in api.list(GROUP, identity.name)]
    assert found == [f"fic-{number:03}" for number in range(MANY)], found
    found = [found.name for found in api.list(GROUP, identity.name, top=7)]
    assert len(found) == MANY and len(set(found)) == MANY, found
    changed = api.create_or_update(GROUP, identity.name, "fic-000", body | {"subject": "other"})
    assert changed.subject == "other", changed
    api.delete(GROUP, identity.name, "fic-000")
    refused(404, "ResourceNotFound", lambda: api.get(GROUP, identity.name, "fic-000"))
    api.delete(GROUP, identity.name, "fic-000")


def roles(identity):
    client = AuthorizationManagementClient(credential, SUBSCRIPTION, **options)
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    reader = list(client.role_definitions.list(scope, filter="roleName eq 'Reader'"))
    assert [role.name for role in reader] == [READER], reader
    assert "*/read" in reader[0].permissions[0].actions
    body = {"role_definition_id": reader[0].id, "principal_id": identity.principal_id}
    made = client.role_assignments.create(scope, str(uuid.uuid4()), body)
    assert (made.scope, made.principal_id) == (scope, identity.principal_id), made
    refused(409, "RoleAssignmentExists", lambda: client.role_assignments.create(scope, str(uuid.uuid4()), body))
    of_identity = f"principalId eq '{identity.principal_id}'"
    assert [found.id for found in client.role_assignments.list_for_scope(scope, filter=of_identity)] == [made.id]
    nobody = body | {"principal_id": str(uuid.uuid4())}
    refused(400, "PrincipalNotFound", lambda: client.role_assignments.create(scope, str(uuid.uuid4()), nobody))
    client.role_assignments.delete_by_id(made.id)
    assert not list(client.role_assignments.list_for_scope(scope, filter=of_identity))


def graph():
    session = requests.Session()
    token = credential.get_token("https://graph.microsoft.com/.default").token
    session.headers["Authorization"] = f"Bearer {token}"
    base = f"{URL}/v1.0/applications"
    made = [session.post(base, json={"displayName": f"app-{number:03}"}).json() for number in range(MANY)]
    url, found, pages = f"{base}?$filter=startswith(displayName,'app-')", [], 0
    while url:
        page = session.get(url).json()
        found += [application["id"] for application in page["value"]]
        url, pages = page.get("@odata.nextLink"), pages + 1
    assert sorted(found) == sorted(application["id"] for application in made), len(found)
    assert pages > 1, pages
    one = f"{base}/{made[0]['id']}"
    assert session.patch(one, json={"displayName": "renamed"}).status_code == 204
    assert session.get(one).json()["displayName"] == "renamed"
    assert session.delete(one).status_code == 204
    gone = session.get(one)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "Request_ResourceNotFound"), gone.text


def main():
    resources = groups()
    client, identity = identities()
    etags(client, identity)
    credentials(client, identity)
    roles(identity)
    graph()
    client.user_assigned_identities.delete(GROUP, identity.name)
    resources.resource_groups.begin_delete(GROUP).result()
    try:
        resources.resource_groups.get(GROUP)
    except ResourceNotFoundError:
        return
    raise AssertionError("the group is still there")


main()
