// An ordinary program that asks for an access token with @azure/identity.
// Arguments: the scope and the credential, `workload` or `default`.
import { DefaultAzureCredential, WorkloadIdentityCredential } from "@azure/identity";

const [scope, name] = process.argv.slice(2);
const options = { disableInstanceDiscovery: true };

const credentials = {
  default: () => new DefaultAzureCredential(options),
  workload: () => new WorkloadIdentityCredential(options),
};

try {
  const { token } = await credentials[name]().getToken(scope);
  console.log(JSON.stringify({ token }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }));
  process.exitCode = 1;
}
