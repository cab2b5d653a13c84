// Command inpod is what runs in pods of a test cluster: the container that keeps a pod's namespaces
// open, and the few commands that tests of the cluster itself need. It is static and alone in its
// image.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

var commands = map[string]func([]string) error{"serve": serve, "get": get, "cat": cat, "refuse": refuse}

func main() {
	if len(os.Args) < 2 {
		pause()
		return
	}
	run, found := commands[os.Args[1]]
	if !found {
		fmt.Fprintln(os.Stderr, "inpod [serve ADDRESS TEXT | get URL | cat FILE | refuse ADDRESS CERTIFICATE KEY]")
		os.Exit(2)
	}
	if err := run(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// pause does nothing until it is told to end.
func pause() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	<-signals
}
