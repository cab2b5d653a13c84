package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// serve answers every request with a text.
func serve(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("inpod serve ADDRESS TEXT")
	}
	address, text := arguments[0], arguments[1]
	fmt.Println("serving at", address)
	return http.ListenAndServe(address, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		fmt.Println("asked for", request.URL.Path)
		fmt.Fprintln(answer, text)
	}))
}

// get prints what a URL answers.
func get(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("inpod get URL")
	}
	client := http.Client{Timeout: 30 * time.Second}
	response, err := client.Get(arguments[0])
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}

// cat prints a file.
func cat(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("inpod cat FILE")
	}
	text, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
