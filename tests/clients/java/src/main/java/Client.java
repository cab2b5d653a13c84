import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.ClientAssertionCredentialBuilder;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.WorkloadIdentityCredentialBuilder;
import com.azure.json.JsonProviders;
import com.azure.json.JsonWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * An ordinary program that asks for an access token with azure-identity.
 * Arguments: the scope and the credential, {@code workload}, {@code default} or
 * {@code assertion}.
 */
public final class Client {
    private Client() {
    }

    public static void main(String[] args) throws IOException {
        int status = 0;
        try {
            TokenRequestContext request = new TokenRequestContext().addScopes(args[0]);
            print("token", credential(args[1]).getTokenSync(request).getToken());
        } catch (RuntimeException error) {
            print("error", text(error));
            status = 1;
        }
        System.exit(status);
    }

    private static TokenCredential credential(String name) {
        switch (name) {
            case "assertion":
                return new ClientAssertionCredentialBuilder()
                    .clientId(System.getenv("AZURE_CLIENT_ID"))
                    .tenantId(System.getenv("AZURE_TENANT_ID"))
                    .clientAssertion(Client::assertion)
                    .disableInstanceDiscovery()
                    .build();
            case "default":
                return new DefaultAzureCredentialBuilder().disableInstanceDiscovery().build();
            case "workload":
                return new WorkloadIdentityCredentialBuilder().disableInstanceDiscovery().build();
            default:
                throw new IllegalArgumentException("unknown credential " + name);
        }
    }

    private static String assertion() {
        try {
            return Files.readString(Path.of(System.getenv("AZURE_FEDERATED_TOKEN_FILE")));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** The exception with its causes: what the authority answered stands in one of them. */
    private static String text(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            text.append(text.length() == 0 ? "" : "; caused by ").append(cause);
        }
        return text.toString();
    }

    private static void print(String key, String value) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonWriter writer = JsonProviders.createWriter(text)) {
            writer.writeStartObject().writeStringField(key, value).writeEndObject();
        }
        System.out.println(text);
    }
}
