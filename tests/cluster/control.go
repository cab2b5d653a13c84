package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
)

// control is a socket by which other commands reach the `up` of a cluster. A request is a line such
// as `stop kube-apiserver`; the answer is `ok`, or what went wrong.
type control struct {
	listener net.Listener
	parts    *parts
	end      chan<- struct{}
}

func listenControl(directory directory, parts *parts, end chan<- struct{}) (*control, error) {
	listener, err := net.Listen("unix", directory.file("control.sock"))
	if err != nil {
		return nil, err
	}
	return &control{listener: listener, parts: parts, end: end}, nil
}

func (c *control) serve() {
	for {
		connection, err := c.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			line, err := bufio.NewReader(connection).ReadString('\n')
			if err != nil {
				return
			}
			if err := c.obey(strings.Fields(line)); err != nil {
				fmt.Fprintln(connection, err)
				return
			}
			fmt.Fprintln(connection, "ok")
		}()
	}
}

func (c *control) obey(request []string) error {
	switch {
	case len(request) == 1 && request[0] == "down":
		c.end <- struct{}{}
		return nil
	case len(request) == 2 && request[0] == "start":
		return c.parts.start(request[1])
	case len(request) == 2 && request[0] == "stop":
		return c.parts.stop(request[1])
	case len(request) == 2 && request[0] == "restart":
		return c.parts.restart(request[1])
	}
	return fmt.Errorf("the request `%s` is not understood", strings.Join(request, " "))
}

// ask sends a request to the `up` that holds the cluster in `path`.
func ask(path, request string) error {
	connection, err := net.Dial("unix", filepath.Join(path, "control.sock"))
	if err != nil {
		return fmt.Errorf("no cluster is running in `%s`: start one with `cluster up --dir %s`", path, path)
	}
	defer connection.Close()
	fmt.Fprintln(connection, request)
	answer, err := io.ReadAll(connection)
	if err != nil {
		return err
	}
	if text := strings.TrimSpace(string(answer)); text != "ok" {
		return errors.New(text)
	}
	return nil
}

// controlled is the command `start`, `stop` or `restart`: it returns when that is done.
func controlled(verb string) func([]string) error {
	return func(arguments []string) error {
		flags := flag.NewFlagSet(verb, flag.ContinueOnError)
		path := flags.String("dir", "", "the cluster's directory")
		part := ""
		// The part comes first, as one says it.
		if len(arguments) > 0 && !strings.HasPrefix(arguments[0], "-") {
			part, arguments = arguments[0], arguments[1:]
		}
		if err := flags.Parse(arguments); err != nil {
			return err
		}
		if part == "" || *path == "" || flags.NArg() > 0 {
			return fmt.Errorf("say which part and where: `cluster %s kube-apiserver --dir DIR`", verb)
		}
		return ask(*path, verb+" "+part)
	}
}
