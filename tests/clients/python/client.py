"""An ordinary program that asks for an access token with azure-identity.

Arguments: the scope and the credential, `workload` or `default`.
"""

import json
import sys

from azure.identity import DefaultAzureCredential, WorkloadIdentityCredential

CREDENTIALS = {
    "default": DefaultAzureCredential,
    "workload": WorkloadIdentityCredential,
}


def main() -> int:
    scope, name = sys.argv[1:]
    try:
        print(json.dumps({"token": CREDENTIALS[name]().get_token(scope).token}))
    except Exception as error:  # whatever the SDK raises is what the caller wants to see
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
