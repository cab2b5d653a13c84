package main

import (
	"encoding/json"
	"os"
)

// kubeconfig is what a client needs: where the API server is, whom to trust, who the client is.
// Everything is in the one file, so that it may be copied elsewhere. JSON is YAML too.
func kubeconfig(server string, ca []byte, user leaf) ([]byte, error) {
	named := func(field string, value any) []any {
		return []any{map[string]any{"name": "test", field: value}}
	}
	return json.MarshalIndent(map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": "test",
		"clusters":        named("cluster", map[string]any{"server": server, "certificate-authority-data": ca}),
		"users":           named("user", map[string]any{"client-certificate-data": user.certificate, "client-key-data": user.key}),
		"contexts":        named("context", map[string]any{"cluster": "test", "user": "test"}),
	}, "", "  ")
}

// writeKubeconfig writes it for its owner alone.
func writeKubeconfig(path, server string, ca []byte, user leaf) error {
	text, err := kubeconfig(server, ca, user)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
