package main

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// refuse is an admission webhook that refuses everything.
func refuse(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("inpod refuse ADDRESS CERTIFICATE KEY")
	}
	fmt.Println("refusing at", arguments[0])
	return http.ListenAndServeTLS(arguments[0], arguments[1], arguments[2], http.HandlerFunc(answerReview))
}

func answerReview(answer http.ResponseWriter, request *http.Request) {
	var review struct {
		Request struct {
			UID string `json:"uid"`
		} `json:"request"`
	}
	if err := json.NewDecoder(request.Body).Decode(&review); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	answer.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(answer).Encode(map[string]any{
		"apiVersion": "admission.k8s.io/v1",
		"kind":       "AdmissionReview",
		"response": map[string]any{
			"uid":     review.Request.UID,
			"allowed": false,
			"status":  map[string]any{"message": "refused by the pod"},
		},
	})
}
