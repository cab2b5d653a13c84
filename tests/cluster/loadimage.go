package main

import (
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// loadImage is the command that imports an image into the node of a running cluster.
func loadImage(arguments []string) error {
	flags := flag.NewFlagSet("load-image", flag.ContinueOnError)
	path := flags.String("dir", "", "the cluster's directory")
	archive := ""
	if len(arguments) > 0 && !strings.HasPrefix(arguments[0], "-") {
		archive, arguments = arguments[0], arguments[1:]
	}
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if archive == "" || *path == "" || flags.NArg() > 0 {
		return errors.New("say which file and where: `cluster load-image FILE --dir DIR`")
	}
	cluster, err := readDescription(*path)
	if err != nil {
		return err
	}
	if cluster.Containerd == "" {
		return fmt.Errorf("the cluster in `%s` has no node: start it with --node", *path)
	}
	ctr, err := exec.LookPath("ctr")
	if err != nil {
		return errors.New("ctr is missing: it comes with containerd")
	}
	absolute, err := filepath.Abs(*path)
	if err != nil {
		return err
	}
	return importImage(ctr, absolute, archive)
}
